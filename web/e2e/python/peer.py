"""A participant without a browser: publishes a moving picture and a sine, counts what it receives.

Usage: peer.py WS_URL TOKEN. Reports one fact a line; leaves when told so on its standard input.
"""

import asyncio
import math
import os
import sys
from array import array

from livekit import rtc

WIDTH, HEIGHT, FRAMES_PER_SECOND = 1280, 720, 15
SAMPLE_RATE, CHUNK_SAMPLES, SINE_HERTZ = 48_000, 480, 1500
AMPLITUDE = 12_000
CHAT_TOPIC = "lk.chat"
# A tenth of a second gives the tone to within 10 Hz, by counting where the wave crosses zero.
TONE_WINDOW_SAMPLES = 4_800


def say(*words: object) -> None:
    print(*words, flush=True)


class Peer:
    def __init__(self) -> None:
        self.room = rtc.Room()
        self.tasks: set[asyncio.Task[None]] = set()
        self.room.on("track_subscribed", self.subscribed)

    def keep(self, work) -> None:
        """Keeps a task from being collected while it runs, and tells when it fails."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.finished)

    def finished(self, task) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            say("failed", repr(task.exception()))

    async def run(self, url: str, token: str) -> None:
        self.room.register_text_stream_handler(CHAT_TOPIC, self.chat)
        await self.room.connect(url, token)
        say("joined")
        await self.publish()
        say("published")
        await self.told_to_leave()
        for task in self.tasks:
            task.cancel()
        await self.room.disconnect()

    async def told_to_leave(self) -> None:
        # A closed standard input means that the story is over, too.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

    async def publish(self) -> None:
        audio, video = rtc.AudioSource(SAMPLE_RATE, 1), rtc.VideoSource(WIDTH, HEIGHT)
        me = self.room.local_participant
        await me.publish_track(
            rtc.LocalAudioTrack.create_audio_track("microphone", audio),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
        )
        await me.publish_track(
            rtc.LocalVideoTrack.create_video_track("camera", video),
            rtc.TrackPublishOptions(
                source=rtc.TrackSource.SOURCE_CAMERA, simulcast=True, video_codec=rtc.VideoCodec.VP8
            ),
        )
        self.keep(play_sine(audio))
        self.keep(play_picture(video))

    def subscribed(self, track, publication, _participant) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self.keep(hear(track))
        elif publication.source == rtc.TrackSource.SOURCE_SCREENSHARE:
            self.keep(watch(track, "screen-frames"))
        else:
            self.keep(watch(track, "frames"))

    def chat(self, reader, identity: str) -> None:
        self.keep(self.answer(reader, identity))

    async def answer(self, reader, identity: str) -> None:
        text = await reader.read_all()
        say("chat", f"{identity}:", text)
        await self.room.local_participant.send_text(f"I read: {text}", topic=CHAT_TOPIC)


async def play_sine(source: rtc.AudioSource) -> None:
    position = 0
    while True:
        wave = (
            int(AMPLITUDE * math.sin(2 * math.pi * SINE_HERTZ * (position + index) / SAMPLE_RATE))
            for index in range(CHUNK_SAMPLES)
        )
        position += CHUNK_SAMPLES
        await source.capture_frame(
            rtc.AudioFrame(array("h", wave).tobytes(), SAMPLE_RATE, 1, CHUNK_SAMPLES)
        )


async def play_picture(source: rtc.VideoSource) -> None:
    """A light bar that wanders over a dark picture: enough change to need every frame."""
    bar = 64
    chroma = bytes([128]) * (WIDTH * HEIGHT // 2)
    left = 0
    while True:
        row = bytearray([40]) * WIDTH
        row[left : left + bar] = bytes([220]) * bar
        picture = bytes(row) * HEIGHT + chroma
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, picture))
        left = (left + 16) % (WIDTH - bar)
        await asyncio.sleep(1 / FRAMES_PER_SECOND)


async def watch(track, word: str) -> None:
    frames = 0
    async for _ in rtc.VideoStream(track):
        frames += 1
        if frames % 10 == 1:
            say(word, frames)


async def hear(track) -> None:
    samples = array("h")
    async for event in rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1):
        samples.frombytes(bytes(event.frame.data))
        if len(samples) < TONE_WINDOW_SAMPLES:
            continue
        rises = sum(1 for before, after in zip(samples, samples[1:]) if before < 0 <= after)
        say("tone", round(rises * SAMPLE_RATE / len(samples)))
        samples = array("h")


async def main() -> None:
    # A room belongs to the event loop that runs when it is made.
    await Peer().run(sys.argv[1], sys.argv[2])
    say("left")
    # The SDK's own threads may still call into an interpreter that is being taken down, which then
    # aborts (livekit/python-sdks#627). All is said; go without taking it down.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
