// Lets the connections of a call follow a laptop from network to network, as from Wi-Fi to VPN, without a break.
//
// Chromium ties a call's sockets to the addresses that it finds on the machine. When one goes, its sockets go with
// it, and the picture was back two seconds later only (on Linux, November 2026). A document that may use
// neither microphone nor camera is not told those addresses and gets sockets that are tied to none: each packet goes
// where the system sends it at that moment, and the server answers where it came from. So connections are made in
// such a document. That suits a server with public addresses; nothing is lost but a second way to it, beside the
// system's own, on a machine with two.

let roaming: HTMLIFrameElement | null = null;

/** From here on, connections that the page makes are made so. Other browsers than Chromium gain nothing by it. */
export function followRoutes(): void {
  if (roaming !== null || !isChromium()) return;
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.allow = "camera 'none'; microphone 'none'";
  document.body.append(frame);
  const within = frame.contentWindow as (Window & typeof globalThis) | null;
  // It lasts as long as the page: its connections would end with it.
  roaming = frame;
  if (within?.RTCPeerConnection === undefined) return;
  for (const name of SHARED) Object.setPrototypeOf(within[name].prototype, globalThis[name].prototype);
  globalThis.RTCPeerConnection = within.RTCPeerConnection;
}

/** What comes out of connections and is asked for its class: each document has classes of its own. */
const SHARED = [
  "ArrayBuffer",
  "Blob",
  "DOMException",
  "Error",
  "Event",
  "MediaStream",
  "MediaStreamTrack",
  "Promise",
  "RTCRtpSender",
  "RTCSessionDescription",
] as const;

function isChromium(): boolean {
  const { userAgentData } = navigator as { userAgentData?: { brands: readonly { brand: string }[] } };
  return userAgentData?.brands.some(({ brand }) => brand === "Chromium") === true;
}
