// Reads a LiveKit room into the participants that the screens show. Changes nothing.
import { type Participant as LiveKitParticipant, type Room, Track } from "livekit-client";
import type { Participant, Video, VideoSource } from "./state";

const SOURCES: Readonly<Record<VideoSource, Track.Source>> = {
  camera: Track.Source.Camera,
  screen: Track.Source.ScreenShare,
};

/** Myself first, then the others in the order they came, so that tiles do not jump. */
export function participantsOf(room: Room): readonly Participant[] {
  const others = [...room.remoteParticipants.values()].sort(
    (a, b) =>
      (a.joinedAt?.getTime() ?? 0) - (b.joinedAt?.getTime() ?? 0) || a.identity.localeCompare(b.identity),
  );
  return [room.localParticipant, ...others].map(participantOf);
}

export function videoTrackOf(room: Room, identity: string, source: VideoSource): Track | undefined {
  return room.getParticipantByIdentity(identity)?.getTrackPublication(SOURCES[source])?.track;
}

export function displayName(participant: LiveKitParticipant | undefined, identity: string): string {
  return participant?.name || identity;
}

function participantOf(participant: LiveKitParticipant): Participant {
  const microphone = participant.getTrackPublication(Track.Source.Microphone);
  return {
    identity: participant.identity,
    name: displayName(participant, participant.identity),
    isLocal: participant.isLocal,
    isSpeaking: participant.isSpeaking,
    isMicrophoneOn: microphone !== undefined && !microphone.isMuted,
    camera: videoOf(participant, "camera"),
    screen: videoOf(participant, "screen"),
  };
}

function videoOf(participant: LiveKitParticipant, source: VideoSource): Video | null {
  const publication = participant.getTrackPublication(SOURCES[source]);
  if (publication?.track === undefined || publication.isMuted) return null;
  const isPaused = publication.track.streamState === Track.StreamState.Paused;
  return { trackId: publication.trackSid, isPaused };
}
