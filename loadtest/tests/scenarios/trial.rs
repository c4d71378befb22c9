//! A server for one test, on ports of its own.

use loadtest::crowd::Crowd;
use loadtest::endpoint::Endpoint;
use loadtest::layout::Layout;
use loadtest::lean::pump::PumpSettings;
use loadtest::lean::session::Publishes;
use loadtest::media_source::Video;
use loadtest::report::Report;
use loadtest::token::ApiKey;
use saal::{Mode, Server};
use saal_config::Settings;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A server for trials; its key is the one that the load test assumes.
pub(crate) struct Trial {
    pub(crate) server: Server,
}

impl Trial {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let nothing: [(String, String); 0] = [];
        let mut settings = Settings::load_dev(None, nothing).unwrap();
        settings.http.port = 0;
        settings.media.udp_port = 0;
        settings.media.workers = 1;
        change(&mut settings);
        Self {
            server: Server::start(settings, Mode::Dev).await.unwrap(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// One room in which nobody sends and nobody goes.
    pub(crate) fn crowd(&self) -> Crowd {
        let url = format!("ws://127.0.0.1:{}", self.port());
        Crowd {
            endpoint: Endpoint::parse(&url, None).unwrap(),
            api_key: ApiKey {
                key: "devkey".to_owned(),
                secret: "secret".to_owned(),
            },
            pump: PumpSettings {
                address: Ipv4Addr::LOCALHOST.into(),
                joins_datagrams: true,
                spread: Duration::ZERO,
                loss: 0.0,
            },
            room: "crowd".to_owned(),
            rooms: 1,
            publishers: 0,
            publishes: Publishes::SoundAndPictures,
            video: Video::USUAL,
            watchers: 2,
            layout: Layout::Everything,
            length: Duration::from_millis(100),
            pace: Duration::from_millis(10),
            churn: None,
        }
    }

    /// Lets it play to its end.
    pub(crate) async fn play(&self, crowd: &Crowd) -> Report {
        crowd.run(std::future::pending(), |_| {}).await.unwrap()
    }
}
