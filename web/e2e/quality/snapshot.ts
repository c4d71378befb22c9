// Everything that a page's own statistics tell about its media at one moment.
import type { Page } from "../harness/browser";

export interface SentStream {
  readonly kind: "audio" | "video";
  /** Empty without simulcast. */
  readonly rid: string;
  readonly codec: string;
  readonly bytes: number;
  readonly packets: number;
  readonly retransmitted: number;
  readonly frames: number;
  readonly height: number;
}

export interface ReceivedStream {
  readonly kind: "audio" | "video";
  /** The name on the tile that shows it; empty for sound. */
  readonly tile: string;
  readonly track: string;
  readonly codec: string;
  readonly bytes: number;
  readonly packets: number;
  readonly lost: number;
  /** Packets that came again, in the repair stream or without one. */
  readonly repaired: number;
  readonly frames: number;
  readonly keyframes: number;
  readonly dropped: number;
  readonly height: number;
  readonly freezes: number;
  readonly frozenSeconds: number;
  readonly concealedSamples: number;
  readonly samples: number;
}

export interface Snapshot {
  /** In milliseconds, of the clock of this process. */
  readonly at: number;
  readonly sent: readonly SentStream[];
  readonly received: readonly ReceivedStream[];
  /** The page's own estimate for what it sends, in bits per second. */
  readonly estimate: number | null;
}

export async function snapshot(page: Page): Promise<Snapshot> {
  const told = await page.evaluate(collect, null);
  return { ...told, at: performance.now() };
}

/** Runs in the page, so it must not use anything outside itself. */
async function collect(): Promise<Omit<Snapshot, "at">> {
  const tiles = new Map<string, string>();
  for (const tile of document.querySelectorAll('figure[data-local="false"]')) {
    const stream = tile.querySelector("video")?.srcObject;
    if (!(stream instanceof MediaStream)) continue;
    for (const track of stream.getVideoTracks()) {
      tiles.set(track.id, tile.querySelector("figcaption")?.textContent ?? "");
    }
  }
  const sent: SentStream[] = [];
  const received: ReceivedStream[] = [];
  let estimate: number | null = null;
  for (const connection of window.peerConnections) {
    if (connection.connectionState === "closed") continue;
    const report = await connection.getStats();
    for (const one of report.values()) {
      const codec = String(report.get(one.codecId)?.mimeType ?? "").replace(/^(audio|video)\//, "");
      if (one.type === "candidate-pair" && one.availableOutgoingBitrate !== undefined) {
        estimate = one.availableOutgoingBitrate;
      }
      if (one.type === "outbound-rtp") {
        sent.push({
          kind: one.kind,
          rid: one.rid ?? "",
          codec,
          bytes: one.bytesSent ?? 0,
          packets: one.packetsSent ?? 0,
          retransmitted: one.retransmittedPacketsSent ?? 0,
          frames: one.framesEncoded ?? 0,
          height: one.frameHeight ?? 0,
        });
      }
      if (one.type === "inbound-rtp") {
        received.push({
          kind: one.kind,
          tile: tiles.get(one.trackIdentifier) ?? "",
          track: one.trackIdentifier ?? "",
          codec,
          bytes: one.bytesReceived ?? 0,
          packets: one.packetsReceived ?? 0,
          lost: one.packetsLost ?? 0,
          repaired: one.retransmittedPacketsReceived ?? 0,
          frames: one.framesDecoded ?? 0,
          keyframes: one.keyFramesDecoded ?? 0,
          dropped: one.framesDropped ?? 0,
          height: one.frameHeight ?? 0,
          freezes: one.freezeCount ?? 0,
          frozenSeconds: one.totalFreezesDuration ?? 0,
          concealedSamples: one.concealedSamples ?? 0,
          samples: one.totalSamplesReceived ?? 0,
        });
      }
    }
  }
  return { sent, received, estimate };
}
