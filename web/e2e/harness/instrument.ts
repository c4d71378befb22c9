// Runs in each page before anything else: remembers its peer connections, so that stories can read their
// statistics without the product having to offer them.

declare global {
  interface Window {
    peerConnections: RTCPeerConnection[];
  }
}

/** Must not use anything outside itself: it is sent to the browser as text. */
export function instrument(): void {
  // The product makes its connections in a frame of its page.
  const all = window.top?.peerConnections ?? [];
  window.peerConnections = all;
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(target, [configuration]: [RTCConfiguration?]) {
      const connection = new target(configuration);
      all.push(connection);
      return connection;
    },
  });
  // A steady tone is just what noise suppression and echo cancelling exist to remove.
  const devices = navigator.mediaDevices;
  if (devices === undefined) return;
  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (constraints) => {
    if (typeof constraints?.audio !== "object") return ask(constraints);
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const { voiceIsolation: _, ...audio } = constraints.audio as MediaTrackConstraints & {
      voiceIsolation?: unknown;
    };
    return ask({ ...constraints, audio: { ...audio, ...plain } });
  };
}
