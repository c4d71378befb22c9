// A tone as a sound file, for a browser to use as its microphone.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SAMPLE_RATE = 48_000;
const SECONDS = 3;
/**
 * The tone comes in syllables, because browsers take a steady one for noise and suppress it after a while:
 * their estimate of the noise is what is exceeded three quarters of the time. It never falls silent, so that
 * its waves can be counted.
 */
const SYLLABLE_SAMPLES = 0.3 * SAMPLE_RATE;
const LOUD_SAMPLES = 0.2 * SAMPLE_RATE;
const QUIET_SHARE = 0.2;
/** Clearly audible, and far from clipping. */
const AMPLITUDE = 0.4 * 0x7fff;
const HEADER_BYTES = 44;

/** Writes the file and gives its path. Whole hertz make whole periods, so the file repeats without a click. */
export function toneFile(hertz: number): string {
  const samples = SAMPLE_RATE * SECONDS;
  const file = Buffer.alloc(HEADER_BYTES + 2 * samples);
  writeHeader(file, 2 * samples);
  for (let index = 0; index < samples; index += 1) {
    const share = index % SYLLABLE_SAMPLES < LOUD_SAMPLES ? 1 : QUIET_SHARE;
    const value = share * AMPLITUDE * Math.sin((2 * Math.PI * hertz * index) / SAMPLE_RATE);
    file.writeInt16LE(Math.round(value), HEADER_BYTES + 2 * index);
  }
  const path = join(mkdtempSync(join(tmpdir(), "saal-e2e-")), `${hertz}.wav`);
  writeFileSync(path, file);
  return path;
}

/** RIFF header of 16 bit mono PCM. */
function writeHeader(file: Buffer, dataBytes: number): void {
  file.write("RIFF", 0);
  file.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLE_RATE, 24);
  file.writeUInt32LE(2 * SAMPLE_RATE, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(dataBytes, 40);
}
