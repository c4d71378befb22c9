// Lets the server leave out frames of a camera for whoever's line carries fewer of them.
//
// The SDK asks for three sizes of a picture, and Chromium then encodes each so that every frame needs the one before
// it: a line that does not carry the smallest size got no picture at all, and a lost frame stopped all that followed.
// Asked for, it encodes three frame rates within each size (WebRTC SVC, `L1T3`), of which the higher are needed by no
// other. It costs nothing that can be seen.
import { LocalVideoTrack, Track } from "livekit-client";

/** One size with three frame rates. */
const THREE_RATES = "L1T3";
/** The SDK may change the parameters between our two steps. */
const TRIES = 5;

/** Newer than the types that TypeScript has of it. */
type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

/** Asks the browser for several frame rates of a camera that has just been published. */
export async function offerFrameRates(track: Track | undefined): Promise<void> {
  if (!(track instanceof LocalVideoTrack) || track.source !== Track.Source.Camera) return;
  for (let tried = 0; tried < TRIES; tried += 1) {
    const parameters = track.sender?.getParameters();
    if (parameters === undefined || !addFrameRates(parameters.encodings)) return;
    try {
      return await track.sender?.setParameters(parameters);
    } catch {
      // Either the browser does not know the mode, and each try ends so, or the parameters changed meanwhile.
    }
  }
}

/** Returns whether anything is to be set: SVC and screens have modes of their own. */
export function addFrameRates(encodings: Encoding[]): boolean {
  if (encodings.length === 0 || encodings.some(({ scalabilityMode }) => isLayered(scalabilityMode)))
    return false;
  for (const encoding of encodings) encoding.scalabilityMode = THREE_RATES;
  return true;
}

function isLayered(mode: string | undefined): boolean {
  return mode !== undefined && mode !== "L1T1";
}
