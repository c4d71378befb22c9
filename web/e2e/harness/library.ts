// Somebody whose program is not our page but the LiveKit library alone: publishes a camera as other products do,
// in codecs and layers that our page does not choose by itself.
import { readFileSync } from "node:fs";
import type { Page } from "./browser";

const LIBRARY = new URL("../../node_modules/livekit-client/dist/livekit-client.umd.js", import.meta.url);

export interface LayeredCamera {
  readonly codec: "vp9" | "av1";
  readonly scalabilityMode: "L3T3_KEY";
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** In bits per second, of all layers together. */
  readonly maxBitrate: number;
}

/** Joins from an empty page of the server (`origin`) and publishes the camera of the browser. */
export async function publishCamera(
  page: Page,
  origin: string,
  token: string,
  camera: LayeredCamera,
): Promise<void> {
  await page.open(`${origin}/healthz`);
  await page.evaluate(
    (library) => {
      const script = document.createElement("script");
      script.textContent = library;
      document.body.append(script);
    },
    readFileSync(LIBRARY, "utf8"),
  );
  await page.evaluate(
    async ({ url, token, camera }) => {
      const { Room, Track, createLocalVideoTrack } = window.LivekitClient;
      const room = new Room({ dynacast: true });
      await room.connect(url, token);
      const { width, height, framesPerSecond, maxBitrate } = camera;
      const track = await createLocalVideoTrack({
        resolution: { width, height, frameRate: framesPerSecond },
      });
      await room.localParticipant.publishTrack(track, {
        source: Track.Source.Camera,
        videoCodec: camera.codec,
        scalabilityMode: camera.scalabilityMode,
        backupCodec: false,
        videoEncoding: { maxBitrate, maxFramerate: framesPerSecond },
      });
    },
    { url: origin.replace(/^http/, "ws"), token, camera },
  );
}

declare global {
  interface Window {
    LivekitClient: typeof import("livekit-client");
  }
}
