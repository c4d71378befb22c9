//! Why the server did not start: one sentence each, which says what is wrong and what to do.

use crate::tls::TlsError;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] saal_config::SettingsError),
    /// Somebody else listens there.
    #[error(
        "TCP port {} on {} is in use: stop the program that uses it, or set http.port to a free port",
        .0.port(), .0.ip()
    )]
    PortTaken(SocketAddr),
    /// The system forbids this port.
    #[error(
        "no permission to listen on TCP port {} on {}: ports below 1024 need the capability \
         CAP_NET_BIND_SERVICE, or set http.port to a higher port",
        .0.port(), .0.ip()
    )]
    PortForbidden(SocketAddr),
    /// The machine does not have this address.
    #[error("this machine does not have the address {}: set http.bind to one it has", .0.ip())]
    NoSuchAddress(SocketAddr),
    /// Listening failed for another reason.
    #[error("cannot listen on {address}: {source}; check http.bind and http.port")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No certificate, or one that is of no use.
    #[error("{0}; check http.tls_certificate and http.tls_key")]
    Tls(#[from] TlsError),
    /// The media plane did not start.
    #[error(transparent)]
    Media(#[from] sfu::StartError),
    /// Nothing can be kept.
    #[error(
        "the data folder {} cannot be written: {source}; create it, let the user that runs saal \
         write to it, or set storage.data_dir to another folder",
        path.display()
    )]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The asynchronous runtime or a signal could not be set up.
    #[error("the system refused a basic service: {0}; check the limits of the process")]
    System(#[source] io::Error),
}

impl StartError {
    /// Names what the system said about listening at an address.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the system has many errors, and these three have a cure of their own"
    )]
    pub(crate) fn from_listening(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken(address),
            io::ErrorKind::PermissionDenied => Self::PortForbidden(address),
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress(address),
            _ => Self::Listen { address, source },
        }
    }
}

/// Makes the data folder if need be, and proves that it can be written to.
pub(crate) fn prepare_data_folder(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path)
        .and_then(|()| tempfile::tempfile_in(path).map(drop))
        .map_err(|source| StartError::DataFolder {
            path: path.to_path_buf(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_port_says_which_and_what_to_do() {
        let address = SocketAddr::from(([0, 0, 0, 0], 443));
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = StartError::from_listening(address, refused).to_string();
        assert!(
            text.contains("443") && text.contains("CAP_NET_BIND_SERVICE"),
            "{text}"
        );
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        let address = SocketAddr::from(([192, 0, 2, 1], 7880));
        let refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let text = StartError::from_listening(address, refused).to_string();
        assert!(
            text.contains("192.0.2.1") && text.contains("http.bind"),
            "{text}"
        );
    }

    #[test]
    fn a_data_folder_below_a_file_cannot_be_written_and_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = file.path().join("data");
        let text = prepare_data_folder(&folder).unwrap_err().to_string();
        assert!(text.contains(&folder.display().to_string()), "{text}");
        assert!(text.contains("storage.data_dir"), "{text}");
    }

    #[test]
    fn a_missing_data_folder_is_made() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/data");
        prepare_data_folder(&folder).unwrap();
        assert!(folder.is_dir());
        assert_eq!(
            std::fs::read_dir(&folder).unwrap().count(),
            0,
            "the trial file is gone"
        );
    }
}
