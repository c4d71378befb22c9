//! What particular clients need done differently.

use livekit_protocol::ClientInfo;
use livekit_protocol::client_info::Sdk;
use sfu_core::units::Codec;

/// Whether tracks that belong together may share a media stream, so that they play in sync.
/// Firefox makes up its own ids for received tracks, and the client library finds the real one in
/// the stream's id: there each track needs a stream of its own.
pub fn groups_streams(client: &ClientInfo) -> bool {
    !client.browser.eq_ignore_ascii_case("firefox")
}

/// The Rust SDK before protocol 10 fails on messages it does not know; `track_subscribed` and
/// `request_response` are among them.
pub fn takes_unknown_messages(client: &ClientInfo) -> bool {
    client.sdk != i32::from(Sdk::Rust) || client.protocol >= 10
}

/// Whether a client can be trusted to send a codec. Firefox on Linux and on Android offers H264
/// that its encoder then does not deliver; Safari offers VP9 and AV1 without an encoder that keeps up.
pub fn may_publish(client: &ClientInfo, codec: Codec) -> bool {
    let firefox = client.browser.eq_ignore_ascii_case("firefox");
    let no_encoder = ["linux", "android"]
        .iter()
        .any(|os| client.os.eq_ignore_ascii_case(os));
    let safari = client.browser.eq_ignore_ascii_case("safari");
    match codec {
        Codec::H264 => !(firefox && no_encoder),
        Codec::Vp9 | Codec::Av1 => !safari,
        Codec::Opus | Codec::Vp8 | Codec::H265 => true,
    }
}

/// Fills in browser and system from the `User-Agent` header where the client does not name them:
/// browsers leave that to the server.
pub fn fill_from_user_agent(client: &mut ClientInfo, user_agent: &str) {
    // The order matters: Edge also says Chrome, Chrome also says Safari, Android also says Linux.
    const BROWSERS: [(&str, &str); 4] = [
        ("Firefox/", "firefox"),
        ("Edg/", "edge"),
        ("Chrome/", "chrome"),
        ("Version/", "safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "android"),
        ("iPhone", "ios"),
        ("iPad", "ios"),
        ("Windows", "windows"),
        ("Mac OS X", "macos"),
        ("Linux", "linux"),
    ];
    if client.browser.is_empty()
        && let Some((mark, name)) = BROWSERS.iter().find(|(mark, _)| user_agent.contains(mark))
    {
        (*name).clone_into(&mut client.browser);
        let version = user_agent
            .split(mark)
            .nth(1)
            .and_then(|rest| rest.split([' ', ';', ')']).next());
        version
            .unwrap_or_default()
            .clone_into(&mut client.browser_version);
    }
    if client.os.is_empty()
        && let Some((_, name)) = SYSTEMS.iter().find(|(mark, _)| user_agent.contains(mark))
    {
        (*name).clone_into(&mut client.os);
    }
}
