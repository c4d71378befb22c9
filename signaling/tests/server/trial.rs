//! A server for one test, and people who come to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_response::Message as Reply;
use livekit_protocol::{
    ClientInfo, ConnectionSettings, JoinRequest, SignalRequest, SignalResponse, WrappedJoinRequest,
    signal_request,
};
use prost::Message as _;
use saal::{Mode, Server};
use saal_config::Settings;
use signaling_core::{Claims, Keys};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Whatever a test waits for comes within this, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server in trial mode on ports of its own.
pub(crate) struct Trial {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) keys: Keys,
}

impl Trial {
    pub(crate) async fn start() -> Self {
        Self::start_with(Mode::Dev, |_| {}).await
    }

    pub(crate) async fn start_with(mode: Mode, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let keys = saal::keys(&settings);
        let server = Server::start(settings, mode).await.unwrap();
        let port = server.address().port();
        Self {
            server,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            keys,
        }
    }

    /// A token with which `identity` may join `room`.
    pub(crate) fn token(&self, identity: &str, room: &str) -> String {
        self.sign(&Claims::joining(identity, room))
    }

    pub(crate) fn sign(&self, claims: &Claims) -> String {
        self.keys
            .sign(claims, saal::unix_time(), Duration::from_mins(1))
    }

    pub(crate) async fn join(&self, identity: &str, room: &str) -> Client {
        let token = self.token(identity, room);
        let request = join_request();
        let url = format!(
            "ws://{}/rtc/v1?access_token={token}&join_request={request}",
            self.address
        );
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Client { socket }
    }
}

/// Trial settings with ports chosen by the system, whatever the environment says.
pub(crate) fn settings() -> Settings {
    let nothing: [(String, String); 0] = [];
    let mut settings = Settings::load_dev(None, nothing).unwrap();
    settings.http.port = 0;
    settings.media.udp_port = 0;
    settings.media.workers = 1;
    settings
}

/// A join request as an SDK without an offer sends it.
pub(crate) fn join_request() -> String {
    let request = JoinRequest {
        client_info: Some(ClientInfo {
            protocol: 16,
            ..ClientInfo::default()
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: true,
            ..ConnectionSettings::default()
        }),
        ..JoinRequest::default()
    };
    let wrapped = WrappedJoinRequest {
        join_request: request.encode_to_vec(),
        ..WrappedJoinRequest::default()
    };
    URL_SAFE.encode(wrapped.encode_to_vec())
}

/// Somebody's client.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: signal_request::Message) {
        let request = SignalRequest {
            message: Some(message),
        };
        self.socket
            .send(Message::Binary(request.encode_to_vec().into()))
            .await
            .unwrap();
    }

    /// The next reply; panics if the server closes or keeps silent.
    pub(crate) async fn reply(&mut self) -> Reply {
        loop {
            match self.frame().await {
                Message::Binary(bytes) => {
                    let response = SignalResponse::decode(bytes).unwrap();
                    return response.message.expect("a reply says something");
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a reply, got {other:?}"),
            }
        }
    }

    /// The first reply from here on that `choose` takes.
    pub(crate) async fn wait_for<T>(&mut self, mut choose: impl FnMut(Reply) -> Option<T>) -> T {
        loop {
            if let Some(chosen) = choose(self.reply().await) {
                return chosen;
            }
        }
    }

    /// Reads on until the server closes; `None` if it did so without a word.
    pub(crate) async fn closing(&mut self) -> Option<CloseFrame> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .unwrap()
            {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        next.expect("the server answers in time")
            .expect("the server stays")
            .unwrap()
    }
}
