//! Unix sockets that clients on this node connect to.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use tokio::net::UnixListener;

/// Opens a socket, readable and writable for its owner and group, in a folder that is created if it is missing.
///
/// # Errors
///
/// The socket cannot be created, or another daemon answers on it.
pub(super) async fn bind(socket: &Path) -> io::Result<UnixListener> {
    remove_dead_socket(socket).await?;
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Removes a socket without a listener, as left by a killed daemon.
async fn remove_dead_socket(socket: &Path) -> io::Result<()> {
    match std::fs::metadata(socket) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists and is not a socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    if tokio::net::UnixStream::connect(socket).await.is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers on it"));
    }
    std::fs::remove_file(socket)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::tempdir;

    use super::bind;

    #[tokio::test]
    async fn only_owner_and_group_may_connect() {
        let folder = tempdir().unwrap();
        let socket = folder.path().join("new/control.sock");
        let _listener = bind(&socket).await.unwrap();
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    }

    #[tokio::test]
    async fn a_file_in_its_place_stays() {
        let folder = tempdir().unwrap();
        let place = folder.path().join("control.sock");
        fs::write(&place, "a note").unwrap();
        let error = bind(&place).await.unwrap_err();
        assert_eq!(error.to_string(), "it exists and is not a socket");
        assert_eq!(fs::read_to_string(&place).unwrap(), "a note");
    }
}
