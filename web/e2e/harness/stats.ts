// What a page really receives for one tile, from the browser's own statistics.
import type { Page } from "./browser";

export interface ReceivedVideo {
  readonly framesDecoded: number;
  readonly packetsReceived: number;
  /** Of the last decoded frame, in pixels; zero before the first. */
  readonly width: number;
  readonly height: number;
}

/** Nothing while the tile has no picture, or no packet of it came yet. */
export function received(
  page: Page,
  name: string,
  source: "camera" | "screen",
): Promise<ReceivedVideo | null> {
  return page.evaluate(
    async ({ name, source }) => {
      const tiles = [...document.querySelectorAll(`figure[data-source="${source}"][data-local="false"]`)];
      const tile = tiles.find((one) => one.querySelector("figcaption")?.textContent?.endsWith(name));
      const stream = tile?.querySelector("video")?.srcObject;
      const track = stream instanceof MediaStream ? stream.getVideoTracks()[0] : undefined;
      if (track === undefined) return null;
      for (const connection of window.peerConnections) {
        for (const receiver of connection.getReceivers()) {
          if (receiver.track.id !== track.id) continue;
          for (const stats of (await receiver.getStats()).values()) {
            if (stats.type !== "inbound-rtp") continue;
            return {
              framesDecoded: stats.framesDecoded ?? 0,
              packetsReceived: stats.packetsReceived ?? 0,
              width: stats.frameWidth ?? 0,
              height: stats.frameHeight ?? 0,
            };
          }
        }
      }
      return null;
    },
    { name, source },
  );
}

/** How one picture came so far. */
export interface Flow {
  readonly codec: string;
  readonly packetsLost: number;
  /** Whole frames that came, those that were decoded, and those that were thrown away. */
  readonly framesReceived: number;
  readonly framesDecoded: number;
  readonly framesDropped: number;
  readonly keyFramesDecoded: number;
  /** How often the browser asked for a key frame because it could not go on. */
  readonly keyFramesRequested: number;
}

/** What came of the camera on a tile, or nothing while it has no picture. */
export function flow(page: Page, name: string): Promise<Flow | null> {
  return page.evaluate(async (wanted) => {
    const tiles = [...document.querySelectorAll('figure[data-source="camera"][data-local="false"]')];
    const tile = tiles.find((one) => one.querySelector("figcaption")?.textContent?.endsWith(wanted));
    const stream = tile?.querySelector("video")?.srcObject;
    const id = stream instanceof MediaStream ? stream.getVideoTracks()[0]?.id : undefined;
    for (const connection of window.peerConnections) {
      const report = await connection.getStats();
      for (const stats of report.values()) {
        if (stats.type !== "inbound-rtp" || stats.trackIdentifier !== id) continue;
        return {
          codec: String(report.get(stats.codecId)?.mimeType ?? ""),
          packetsLost: stats.packetsLost ?? 0,
          framesReceived: stats.framesReceived ?? 0,
          framesDecoded: stats.framesDecoded ?? 0,
          framesDropped: stats.framesDropped ?? 0,
          keyFramesDecoded: stats.keyFramesDecoded ?? 0,
          keyFramesRequested: stats.pliCount ?? 0,
        };
      }
    }
    return null;
  }, name);
}

/** Pictures that a page encoded, of all that it sends. */
export function framesEncoded(page: Page): Promise<number> {
  return page.evaluate(async () => {
    let frames = 0;
    for (const connection of window.peerConnections) {
      for (const stats of (await connection.getStats()).values()) {
        if (stats.type === "outbound-rtp" && stats.kind === "video") frames += stats.framesEncoded ?? 0;
      }
    }
    return frames;
  }, null);
}

export interface SentEncoding {
  readonly rid: string;
  readonly active: boolean;
  readonly framesEncoded: number;
}

/** The simulcast encodings of one's own camera, smallest first. */
export function sent(page: Page): Promise<SentEncoding[]> {
  return page.evaluate(async () => {
    const encodings: SentEncoding[] = [];
    for (const connection of window.peerConnections) {
      for (const stats of (await connection.getStats()).values()) {
        if (stats.type !== "outbound-rtp" || stats.kind !== "video" || stats.rid === undefined) continue;
        encodings.push({ rid: stats.rid, active: stats.active, framesEncoded: stats.framesEncoded ?? 0 });
      }
    }
    return encodings.sort((one, other) => "qhf".indexOf(one.rid) - "qhf".indexOf(other.rid));
  }, null);
}

/** Frames decoded of everything a page receives, and packets that came of it. */
export function totalReceived(page: Page): Promise<{ readonly frames: number; readonly packets: number }> {
  return page.evaluate(async () => {
    const total = { frames: 0, packets: 0 };
    for (const connection of window.peerConnections) {
      for (const stats of (await connection.getStats()).values()) {
        if (stats.type !== "inbound-rtp" || stats.kind !== "video") continue;
        total.frames += stats.framesDecoded ?? 0;
        total.packets += stats.packetsReceived ?? 0;
      }
    }
    return total;
  }, null);
}

/** The longest time, in milliseconds, in which no further frame of a tile was decoded, while `during` ran. */
export async function longestStall(page: Page, name: string, during: () => Promise<void>): Promise<number> {
  await page.evaluate((wanted) => {
    const tiles = [...document.querySelectorAll('figure[data-source="camera"][data-local="false"]')];
    const tile = tiles.find((one) => one.querySelector("figcaption")?.textContent?.endsWith(wanted));
    const video = tile?.querySelector("video");
    const stream = video?.srcObject;
    const id = stream instanceof MediaStream ? stream.getVideoTracks()[0]?.id : undefined;
    const receivers = window.peerConnections.flatMap((connection) => connection.getReceivers());
    const receiver = receivers.find(({ track }) => track.id === id);
    if (receiver === undefined) throw new Error(`no picture of ${wanted}`);
    const watch = { last: -1, since: performance.now(), longest: 0, timer: 0 };
    const look = async () => {
      for (const stats of (await receiver.getStats()).values()) {
        if (stats.type !== "inbound-rtp") continue;
        const now = performance.now();
        watch.longest = Math.max(watch.longest, now - watch.since);
        if (stats.framesDecoded !== watch.last) {
          watch.last = stats.framesDecoded;
          watch.since = now;
        }
      }
    };
    watch.timer = window.setInterval(() => void look(), 25);
    window.stallWatch = watch;
  }, name);
  await during();
  return page.evaluate(() => {
    window.clearInterval(window.stallWatch?.timer);
    return window.stallWatch?.longest ?? Number.POSITIVE_INFINITY;
  }, null);
}

declare global {
  interface Window {
    stallWatch?: { last: number; since: number; longest: number; timer: number };
  }
}
