//! Interfaces that are created and deleted while unrelated routes are installed.

use margay_forwarding::Way;

use super::{
    Daemon,
    namespace::{Monitor, in_namespace, ip_batch, our_routes},
    options, via, wanted,
};
use crate::kernel::{KernelOptions, KernelRequest, KernelStatus};

const PODS: usize = 40;

#[test]
fn pods_that_come_and_go_touch_no_route_of_ours() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.request(KernelRequest::RemoveStale).await;
        let wishes = (0..200).map(|low| wanted(&format!("10.9.{low}.0/24"), via(&["10.0.0.2"])));
        daemon.apply(wishes.collect()).await;
        let before = daemon.settled().await;
        let routes = our_routes();
        let mut monitor = Monitor::with_buffer(KernelOptions::MULTICAST_BUFFER_OCTETS);
        for _ in 0..2 {
            ip_batch((0..PODS).map(coming));
            daemon.pods_lead(Some(Way::Through { cost: 0 })).await;
            ip_batch((0..PODS).map(|pod| format!("link del cali{pod}")));
            daemon.pods_lead(None).await;
        }
        let counts = |status: &KernelStatus| {
            (status.installed, status.pending, status.objects, status.disturbances, status.readings)
        };
        assert_eq!(counts(&daemon.settled().await), counts(&before));
        let ours = monitor.take().into_iter().filter(|notice| notice.route.shape.protocol == 186);
        assert_eq!(ours.count(), 0, "nothing was asked of the kernel");
        assert_eq!(our_routes(), routes);
    });
}

impl Daemon {
    /// Waits until every pod's address has this way.
    async fn pods_lead(&mut self, way: Option<Way>) {
        for pod in 0..PODS {
            self.reported(&format!("10.65.1.{pod}/32"), way).await;
        }
    }
}

fn coming(pod: usize) -> String {
    let commands = [
        format!("link add cali{pod} type veth peer name pod{pod}"),
        format!("link set pod{pod} up"),
        format!("link set cali{pod} up"),
        format!("route add 10.65.1.{pod}/32 dev cali{pod} scope link"),
    ];
    commands.join("\n")
}
