// The longest time without a further frame or sound packet in anything a page receives.
import type { Page } from "./browser";

export interface Gaps {
  /** Milliseconds without a frame decoded. */
  readonly picture: number;
  /** Milliseconds without a packet of sound. */
  readonly sound: number;
}

/** Begins to watch; gives the function that ends it and tells. The page must receive something of both kinds. */
export async function watchGaps(page: Page): Promise<() => Promise<Gaps>> {
  await page.evaluate(() => {
    const watch = { picture: 0, sound: 0, timer: 0 };
    const seen = new Map<string, { count: number; at: number }>();
    const look = async () => {
      for (const connection of window.peerConnections) {
        if (connection.connectionState === "closed") continue;
        for (const stats of (await connection.getStats()).values()) {
          if (stats.type !== "inbound-rtp") continue;
          const isPicture = stats.kind === "video";
          const count: number = (isPicture ? stats.framesDecoded : stats.packetsReceived) ?? 0;
          const now = performance.now();
          const before = seen.get(stats.id);
          if (before === undefined) {
            if (count > 0) seen.set(stats.id, { count, at: now });
            continue;
          }
          const gap = now - before.at;
          if (isPicture) watch.picture = Math.max(watch.picture, gap);
          else watch.sound = Math.max(watch.sound, gap);
          if (count !== before.count) seen.set(stats.id, { count, at: now });
        }
      }
    };
    watch.timer = window.setInterval(() => void look(), 25);
    window.inboundGaps = watch;
  }, null);
  return () =>
    page.evaluate(() => {
      const watch = window.inboundGaps;
      if (watch === undefined) throw new Error("nothing is watched");
      window.clearInterval(watch.timer);
      return { picture: watch.picture, sound: watch.sound };
    }, null);
}

declare global {
  interface Window {
    inboundGaps?: { picture: number; sound: number; timer: number };
  }
}
