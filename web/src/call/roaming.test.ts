import { afterEach, beforeEach, expect, test, vi } from "vitest";

class FrameConnection {}
class FrameBuffer {}
class FrameError {}

const SHARED = ["Blob", "DOMException", "Event", "MediaStream", "MediaStreamTrack", "Promise"];
const MORE = ["RTCRtpSender", "RTCSessionDescription"];

beforeEach(() => {
  vi.resetModules();
  // Off unless asked for, although the frame has no page to load.
  const { happyDOM } = window as unknown as { happyDOM: { settings: Record<string, boolean> } };
  happyDOM.settings["enableIframePageLoading"] = true;
  const others = [...SHARED, ...MORE].map((name) => [name, class {}] as const);
  const within = {
    ...Object.fromEntries(others),
    RTCPeerConnection: FrameConnection,
    ArrayBuffer: FrameBuffer,
    Error: FrameError,
  };
  vi.spyOn(HTMLIFrameElement.prototype, "contentWindow", "get").mockReturnValue(within as never);
  vi.stubGlobal("RTCPeerConnection", class {});
  for (const name of ["MediaStream", "MediaStreamTrack", ...MORE]) vi.stubGlobal(name, class {});
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

test("Chromium makes connections in one hidden document that may not use the camera", async () => {
  await follow("Chromium");
  const frames = document.querySelectorAll("iframe");
  expect(frames).toHaveLength(1);
  expect(frames[0]?.allow).toBe("camera 'none'; microphone 'none'");
  expect(frames[0]?.hidden).toBe(true);
  expect(RTCPeerConnection).toBe(FrameConnection);
});

test("what arrives over such a connection is of the classes that the page knows", async () => {
  await follow("Chromium");
  expect(new FrameBuffer()).toBeInstanceOf(ArrayBuffer);
  expect(new FrameError()).toBeInstanceOf(Error);
});

test("other browsers make connections as ever", async () => {
  await follow("Firefox");
  expect(document.querySelector("iframe")).toBeNull();
  expect(RTCPeerConnection).not.toBe(FrameConnection);
});

/** Twice, as when somebody joins again. */
async function follow(brand: string): Promise<void> {
  vi.stubGlobal("navigator", { userAgentData: { brands: [{ brand }] } });
  const { followRoutes } = await import("./roaming");
  followRoutes();
  followRoutes();
}
