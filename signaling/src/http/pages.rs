//! The web client's pages and files, out of the binary, under a strict content security policy.

use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// The built web client, inside the program in every profile: it runs wherever it is copied to.
#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Dist;

/// Shown until the web client is built.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Saal</title>\
     <p>The web client is not built yet. Run <code>make run</code> and load this page again.</p>";

/// The bundler writes a hash of the content into the names in this folder.
const HASHED: &str = "assets/";
/// A hashed name never means other content.
const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";
/// Pages name the hashed files of their own version: ask each time.
const CACHE_NEVER: &str = "no-cache";
/// What the pages may ask the person for; everything unnamed here stays at the browser's default.
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), \
     fullscreen=(self), screen-wake-lock=(self), speaker-selection=(self), geolocation=(), \
     payment=(), usb=()";

/// The start page.
pub(super) async fn start(headers: HeaderMap) -> Response {
    page(&headers)
}

/// A room's page: the same document, the client reads the room's name from its own address.
pub(super) async fn room(Path(_room): Path<String>, headers: HeaderMap) -> Response {
    page(&headers)
}

/// A script, style sheet, picture or text of the client; any other path leads nowhere.
pub(super) async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    match Dist::get(path) {
        Some(file) if path != "index.html" => reply(path, &file, &headers),
        _ => (StatusCode::NOT_FOUND, "not found").into_response(),
    }
}

fn page(headers: &HeaderMap) -> Response {
    let path = "index.html";
    let mut response = match Dist::get(path) {
        Some(file) => reply(path, &file, headers),
        None => Html(NOT_BUILT).into_response(),
    };
    let own = response.headers_mut();
    own.insert(
        CONTENT_SECURITY_POLICY,
        content_security_policy(headers.get(HOST)),
    );
    own.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(PERMISSIONS),
    );
    response
}

fn reply(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = entity_tag(file);
    let head = [
        (CACHE_CONTROL, HeaderValue::from_static(lifetime(path))),
        (ETAG, tag.clone()),
        (CONTENT_TYPE, content_type(path)),
    ];
    if headers.get(IF_NONE_MATCH) == Some(&tag) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, file.data.clone().into_owned()).into_response()
}

/// For how long a browser may keep a file without asking.
fn lifetime(path: &str) -> &'static str {
    if path.starts_with(HASHED) {
        CACHE_FOREVER
    } else {
        CACHE_NEVER
    }
}

fn entity_tag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    // Sixteen of the hash's bytes tell any two versions apart.
    let (short, _) = hash.split_at(16);
    let number = short
        .iter()
        .fold(0_u128, |number, &byte| (number << 8) | u128::from(byte));
    HeaderValue::from_str(&format!("\"{number:032x}\"")).expect("digits are a header value")
}

fn content_type(path: &str) -> HeaderValue {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    HeaderValue::from_static(match ending {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

/// Nothing may be loaded from, or sent to, anywhere but this server.
fn content_security_policy(host: Option<&HeaderValue>) -> HeaderValue {
    // `'self'` covers the page's own WebSocket in current browsers, but not in Safari before 15.4.
    let sockets = host
        .and_then(|host| host.to_str().ok())
        .filter(|host| is_plain_host(host))
        .map_or_else(String::new, |host| format!(" ws://{host} wss://{host}"));
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
         font-src 'self'; media-src 'self' blob:; connect-src 'self'{sockets}; \
         worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("a plain host keeps the policy printable")
}

/// Letters, digits and `.:-[]`: nothing that could end the policy's directive.
fn is_plain_host(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'[' | b']')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_own_socket_and_no_other_place() {
        let host = HeaderValue::from_static("meet.example:7880");
        let policy = content_security_policy(Some(&host));
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(
            policy.contains("connect-src 'self' ws://meet.example:7880 wss://meet.example:7880;")
        );
        assert!(
            !policy.contains('*') && !policy.contains("unsafe"),
            "{policy}"
        );
    }

    #[test]
    fn a_host_that_would_add_a_directive_is_left_out() {
        for host in ["a; script-src *", "a b", "*", ""] {
            let host = HeaderValue::from_str(host).unwrap();
            let policy = content_security_policy(Some(&host));
            assert!(
                policy.to_str().unwrap().contains("connect-src 'self';"),
                "{policy:?}"
            );
        }
    }

    #[test]
    fn only_files_named_by_their_content_are_kept_for_long() {
        assert!(lifetime("assets/app-1a2b.js").contains("immutable"));
        assert_eq!(lifetime("index.html"), "no-cache");
        assert_eq!(lifetime("licenses/assets/notice.txt"), "no-cache");
    }

    #[test]
    fn scripts_are_served_as_scripts_because_sniffing_is_forbidden() {
        assert_eq!(
            content_type("assets/app-1a2b.js"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(content_type("LICENSE"), "application/octet-stream");
    }
}
