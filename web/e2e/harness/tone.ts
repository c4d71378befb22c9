// Listens to what a page receives: which tone stands out of each sound track. Records and decodes instead of
// playing, because Firefox's audio graph stands still on machines without a sound card.
import type { Page } from "./browser";

/** Counting waves in half a second is exact to 2 Hz; coding and clock drift add the rest. */
const TOLERANCE_HERTZ = 20;

export function isTone(heard: number, hertz: number): boolean {
  return Math.abs(heard - hertz) <= TOLERANCE_HERTZ;
}

/** One frequency in hertz for each received sound track that is not silent. */
export function loudTones(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const recordMs = 900;
    const sampleRate = 48_000;
    const loudMin = 0.01;

    async function record(track: MediaStreamTrack): Promise<ArrayBuffer> {
      const recorder = new MediaRecorder(new MediaStream([track]));
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const stopped = new Promise((resolve) => {
        recorder.onstop = resolve;
      });
      recorder.start();
      setTimeout(() => recorder.stop(), recordMs);
      await stopped;
      return new Blob(parts).arrayBuffer();
    }

    async function frequency(track: MediaStreamTrack): Promise<number | null> {
      const context = new OfflineAudioContext(1, 1, sampleRate);
      const sound = await context.decodeAudioData(await record(track)).catch(() => null);
      if (sound === null) return null; // Nothing was sent while recording.
      const all = sound.getChannelData(0);
      // The ends carry the coder's run-in and run-out.
      const samples = all.subarray(all.length * 0.3, all.length * 0.9);
      const loudness = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      if (!(loudness > loudMin)) return null;
      const rises = samples.filter((sample, index) => sample >= 0 && (samples[index - 1] ?? 0) < 0).length;
      return (rises * sampleRate) / samples.length;
    }

    const receivers = window.peerConnections.flatMap((connection) => connection.getReceivers());
    const tracks = receivers.map(({ track }) => track);
    const sounding = tracks.filter(
      ({ kind, muted, readyState }) => kind === "audio" && !muted && readyState === "live",
    );
    return (await Promise.all(sounding.map(frequency))).filter((heard) => heard !== null);
  }, null);
}
