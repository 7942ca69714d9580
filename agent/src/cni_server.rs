//! The socket at which the CNI plugin asks.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use margay_cni::exchange::{Reply, Request};
use margay_cni::{CniError, Command, Environment, NetworkConfiguration};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::attachments::Attachments;

/// Serves requests until the program ends. Only root can ask.
///
/// # Errors
///
/// When the socket cannot be made, as when another agent has it.
pub(crate) fn serve(socket: &Path, attachments: Arc<Attachments>) -> io::Result<()> {
    if let Some(folder) = socket.parent() {
        fs::create_dir_all(folder)?;
    }
    remove_leftover(socket)?;
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(stream, Arc::clone(&attachments)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection of the CNI plugin is lost");
                    // Out of open files, accepting fails at once until some connection ends.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    Ok(())
}

/// Between a connection that could not be accepted and the next attempt.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn answer(stream: UnixStream, attachments: Arc<Attachments>) {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LONGEST_REQUEST));
    if let Err(error) = reader.read_line(&mut line).await {
        tracing::warn!(%error, "a request of the CNI plugin cannot be read");
        return;
    }
    let Ok(request) = serde_json::from_str::<Request>(&line) else {
        tracing::warn!("a request of the CNI plugin is not understood");
        return;
    };
    // A task of its own: a fault is an answer, too, and work that has begun is finished even if the plugin has ended.
    let worker = tokio::spawn(carry_out(request.clone(), Arc::clone(&attachments)));
    let reply = worker
        .await
        .unwrap_or_else(|error| refused(&CniError::failed(format!("a fault in the agent: {error}")), ""));
    let written = async {
        let mut line = serde_json::to_vec(&reply)?;
        line.push(b'\n');
        writer.write_all(&line).await
    };
    if let Err(error) = written.await {
        tracing::info!(%error, "the CNI plugin has ended before its answer");
        if reply.succeeded {
            attachments.forget(&request).await;
        }
    }
}

async fn carry_out(request: Request, attachments: Arc<Attachments>) -> Reply {
    let read = Environment::read(|name| request.environment.get(name).cloned());
    let environment = match read {
        Ok(Some(environment)) => environment,
        Ok(None) => return refused(&CniError::failed("there is no CNI_COMMAND"), ""),
        Err(error) => return refused(&error, ""),
    };
    let configuration =
        match NetworkConfiguration::read(request.configuration.as_bytes(), environment.command) {
            Ok(configuration) => configuration,
            Err(error) => return refused(&error, ""),
        };
    let outcome = match environment.command {
        Command::Add => attachments
            .add(&environment, &configuration)
            .await
            .map(|result| result.to_json(&configuration.version).to_string()),
        Command::Del => attachments.del(&environment, &configuration).await.map(|()| String::new()),
        Command::Check => attachments.check(&environment, &configuration).await.map(|()| String::new()),
        Command::Gc => attachments.collect(&configuration).await.map(|()| String::new()),
        Command::Status => attachments.status().await.map(|()| String::new()),
        Command::Version => Err(CniError::failed("VERSION is answered by the plugin")),
    };
    let (command, container) = (environment.command, &environment.container_id);
    match outcome {
        Ok(output) => {
            tracing::info!(?command, container, interface = environment.interface, "done");
            Reply { succeeded: true, output }
        }
        Err(error) => {
            tracing::warn!(?command, container, code = error.code, %error, "refused");
            refused(&error, &configuration.version)
        }
    }
}

fn refused(error: &CniError, version: &str) -> Reply {
    let version = if version.is_empty() { "0.1.0" } else { version };
    Reply { succeeded: false, output: error.to_json(version).to_string() }
}

/// Removes the socket of a program that has ended. One that answers is left alone.
fn remove_leftover(socket: &Path) -> io::Result<()> {
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another margay-agent runs")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(socket),
        Err(_) => Ok(()),
    }
}

/// Octets of a request. Configurations of a megabyte are known.
const LONGEST_REQUEST: u64 = 16 * 1024 * 1024;
