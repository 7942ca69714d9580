//! The machine of a simulated daemon: a host of the network, files in memory, randomness from the seed.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use margay::bfd::BfdHandle;
use margay::kernel::{KernelEvent, KernelHandle, KernelOptions};
use margay::machine::{
    AddressBook, AddressState, InterfaceAddress, Promise, QueueSizes, SimulatedListener, SimulatedMachine,
    SimulatedStream, SliceCost,
};
use tokio::sync::{mpsc, watch};

use crate::bfd;
use crate::kernel::SimKernel;
use crate::network::{Host, Network};
use crate::random::Random;
use crate::standstill::Standstill;
use crate::watchdog::Watchdog;

/// See the [module](self). One for each run of a daemon.
#[derive(Debug)]
pub(crate) struct SimMachine {
    network: Arc<Network>,
    host: Host,
    incarnation: u64,
    addresses: Vec<IpAddr>,
    files: Arc<Files>,
    kernel: Arc<SimKernel>,
    standstill: Arc<Standstill>,
    watchdog: Watchdog,
    random: Mutex<Random>,
    /// The speed of its processor.
    pace: Pace,
}

/// Upper bounds of a simulated processor's speed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Highest number of steps of a slice.
    pub(crate) steps: u64,
    /// The longest time of a step, in microseconds.
    pub(crate) step_microseconds: u64,
    pub(crate) queues: QueueSizes,
}

/// The files of a host.
#[derive(Debug, Default)]
pub(crate) struct Files {
    content: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
}

impl Files {
    pub(crate) fn write(&self, file: &str, text: String) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.insert(PathBuf::from(file), text.into_bytes());
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.get(file).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The parts of a host that outlive its daemons.
#[derive(Clone, Debug)]
pub(crate) struct HostParts {
    pub(crate) host: Host,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) files: Arc<Files>,
    pub(crate) kernel: Arc<SimKernel>,
    pub(crate) standstill: Arc<Standstill>,
}

impl SimMachine {
    /// Boots `parts.host` for one daemon.
    pub(crate) fn boot(network: Arc<Network>, parts: HostParts, random: Random, pace: Pace) -> Self {
        let incarnation = network.boot(parts.host);
        let HostParts { host, addresses, files, kernel, standstill } = parts;
        let random = Mutex::new(random);
        let watchdog = Watchdog::default();
        Self { network, host, incarnation, addresses, files, kernel, standstill, watchdog, random, pace }
    }

    fn on_step(&self) {
        self.watchdog.on_step(self.network.now(), || format!("n{}", self.host));
    }
}

impl SimulatedMachine for SimMachine {
    fn connect(
        &self,
        _source: Option<IpAddr>,
        peer: SocketAddr,
    ) -> Promise<io::Result<Arc<dyn SimulatedStream>>> {
        Box::pin(Arc::clone(&self.network).connect(self.host, self.incarnation, peer))
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Arc<dyn SimulatedListener>> {
        Ok(self.network.listen(self.host, address))
    }

    fn addresses(&self) -> watch::Receiver<Arc<AddressBook>> {
        let on_one_interface = |&address: &IpAddr| InterfaceAddress {
            interface: 1,
            address,
            subnet: None,
            state: AddressState::Preferred,
        };
        watch::channel(Arc::new(AddressBook::new(self.addresses.iter().map(on_one_interface)))).1
    }

    fn read_file(&self, file: &Path) -> io::Result<Vec<u8>> {
        self.files.read(file)
    }

    fn poll_running(&self, context: &mut Context<'_>) -> Poll<()> {
        let is_running = self.standstill.poll_running(context);
        if is_running.is_ready() {
            self.on_step();
        }
        is_running
    }

    fn random(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn start_kernel(&self, options: KernelOptions, events: mpsc::Sender<KernelEvent>) -> KernelHandle {
        let random = self.random.lock().unwrap_or_else(PoisonError::into_inner).fork(KERNEL);
        let incarnation = (self.host, self.incarnation);
        let addresses = self.addresses.clone();
        self.kernel.serve(Arc::clone(&self.network), incarnation, addresses, options.fib, random, events)
    }

    fn start_bfd(&self) -> BfdHandle {
        let incarnation = (self.host, self.incarnation);
        bfd::serve(Arc::clone(&self.network), incarnation, Arc::clone(&self.standstill), self.random())
    }

    fn slice_cost(&self) -> SliceCost {
        self.on_step();
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        SliceCost {
            steps: usize::try_from(random.number(1..=self.pace.steps)).unwrap_or(1),
            step_time: std::time::Duration::from_micros(random.number(0..=self.pace.step_microseconds)),
            work_entries: usize::try_from(random.number(1..=self.pace.steps * 4)).unwrap_or(1),
        }
    }

    fn queue_sizes(&self) -> QueueSizes {
        self.pace.queues
    }
}

/// The purpose for which disturbances of the kernel are drawn.
const KERNEL: u64 = 0x6b65_726e;
