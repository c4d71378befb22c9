//! The signal connection: one protobuf message per binary WebSocket frame. Carries messages in
//! order and understands none of them.

use crate::endpoint::{Endpoint, Io};
use anyhow::{Context, anyhow, bail};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::{SignalRequest, SignalResponse, signal_request, signal_response};
use prost::Message as _;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// How long the server may take to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The protocol's own bound on a message, in bytes.
const MESSAGE_LEN_MAX: usize = 2 << 20;
/// As much of a refusal's text as a report shows.
const REFUSAL_LEN_MAX: usize = 120;

type Socket = WebSocketStream<Box<dyn Io>>;

/// The half that speaks.
pub struct SignalSender {
    sink: SplitSink<Socket, Message>,
}

/// The half that listens.
pub struct SignalReceiver {
    stream: SplitStream<Socket>,
}

/// Joins by version 1 of the signal protocol. The token goes into a header, where no access log keeps
/// it.
pub async fn connect(
    endpoint: &Endpoint,
    token: &str,
    join_request: &str,
) -> anyhow::Result<(SignalSender, SignalReceiver)> {
    let url = format!("{}/rtc/v1?join_request={join_request}", endpoint.url());
    let mut request = url.into_client_request().context("the URL is not valid")?;
    let bearer =
        HeaderValue::try_from(format!("Bearer {token}")).context("the token is not valid")?;
    request.headers_mut().insert("Authorization", bearer);
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_LEN_MAX));
    let connecting = async {
        let stream = endpoint.open().await?;
        tokio_tungstenite::client_async_with_config(request, stream, Some(config))
            .await
            .map_err(refusal)
    };
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
    let (socket, _) = connected.context("no answer to the join request in 10 s")??;
    let (sink, stream) = socket.split();
    Ok((SignalSender { sink }, SignalReceiver { stream }))
}

impl SignalSender {
    /// Sends one request.
    pub async fn send(&mut self, message: signal_request::Message) -> anyhow::Result<()> {
        let bytes = SignalRequest {
            message: Some(message),
        }
        .encode_to_vec();
        let sent = self.sink.send(Message::Binary(bytes.into())).await;
        sent.map_err(|error| broken(BROKE, &error))
    }

    /// Says goodbye on the WebSocket level. A broken connection is as good as a closed one.
    pub async fn close(mut self) {
        self.sink.close().await.ok();
    }
}

impl SignalReceiver {
    /// The next message. Messages of kinds this client does not know are skipped.
    pub async fn next(&mut self) -> anyhow::Result<signal_response::Message> {
        loop {
            let frame = self.stream.next().await.ok_or_else(|| anyhow!(CLOSED))?;
            let bytes = match frame.map_err(|error| broken(BROKE, &error))? {
                Message::Binary(bytes) => bytes,
                Message::Close(Some(frame)) => bail!("{CLOSED} with code {}", frame.code),
                Message::Close(None) => bail!(CLOSED),
                Message::Text(_) => {
                    bail!("the server speaks JSON to a client that speaks protobuf")
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            let response = SignalResponse::decode(bytes);
            if let Some(message) = response
                .context("the server sent no valid protobuf")?
                .message
            {
                return Ok(message);
            }
        }
    }
}

const BROKE: &str = "the signal connection broke";
const CLOSED: &str = "the server closed the signal connection";

/// Its own text names the cause already, so that the cause is not shown a second time.
fn broken(what: &str, error: &tungstenite::Error) -> anyhow::Error {
    anyhow!("{what}: {error}")
}

/// Says in one line why the server did not take the connection.
fn refusal(error: tungstenite::Error) -> anyhow::Error {
    if let tungstenite::Error::Http(response) = error {
        return anyhow!("the server answered {}", refusal_text(&response));
    }
    broken("cannot connect", &error)
}

fn refusal_text(response: &Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(REFUSAL_LEN_MAX)
        .collect();
    if line.is_empty() {
        response.status().to_string()
    } else {
        format!("{}: {line}", response.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_refusal_shows_status_and_first_line() {
        let response = Response::builder()
            .status(401)
            .body(Some(b"token expired\nx".to_vec()));
        let error = refusal(tungstenite::Error::Http(Box::new(response.unwrap())));
        assert_eq!(
            error.to_string(),
            "the server answered 401 Unauthorized: token expired"
        );
    }

    #[test]
    fn an_unreachable_server_is_named_as_such() {
        let error = refusal(tungstenite::Error::Io(Error::from(
            ErrorKind::ConnectionRefused,
        )));
        assert!(format!("{error:#}").starts_with("cannot connect: "));
    }
}
