// Listens to what a page receives: which tone stands out of each sound track.
import type { Page } from "./browser";

/** Half a bin to either side, and what resampling adds. */
const TOLERANCE_HERTZ = 20;

export function isTone(heard: number, hertz: number): boolean {
  return Math.abs(heard - hertz) <= TOLERANCE_HERTZ;
}

/** One frequency in hertz for each received sound track in which one stands out. */
export function loudTones(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const context = new AudioContext();
    await context.resume();
    const receivers = window.peerConnections.flatMap((connection) => connection.getReceivers());
    const tracks = receivers
      .map(({ track }) => track)
      .filter((track) => track.kind === "audio" && !track.muted);
    const analysers = tracks.map((track) => {
      const analyser = context.createAnalyser();
      analyser.fftSize = 8192;
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      return analyser;
    });
    // The analyser smooths over time: let it hear a few windows of 170 ms.
    await new Promise((resolve) => setTimeout(resolve, 800));
    const tones = analysers.flatMap((analyser) => {
      const levels = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(levels);
      const peak = levels.indexOf(Math.max(...levels));
      const typical = [...levels].sort((a, b) => a - b)[levels.length >> 1] ?? 0;
      const level = levels[peak] ?? Number.NEGATIVE_INFINITY;
      const standsOut = level > -60 && level - typical > 25;
      return standsOut ? [(peak * context.sampleRate) / analyser.fftSize] : [];
    });
    await context.close();
    return tones;
  }, null);
}
