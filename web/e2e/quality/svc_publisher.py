"""A participant without a browser who publishes one picture in layers: three sizes, three frame rates.

Usage: svc_publisher.py WS_URL TOKEN vp9|av1. Leaves when its standard input ends.
"""

import asyncio
import sys

from livekit import rtc

WIDTH, HEIGHT = 1280, 720
# What two cores encode in three sizes beside the browsers that decode them.
FRAMES_PER_SECOND = 10
CODECS = {"vp9": rtc.VideoCodec.VP9, "av1": rtc.VideoCodec.AV1}


async def main() -> None:
    url, token, codec = sys.argv[1:]
    room = rtc.Room()
    await room.connect(url, token)
    source = rtc.VideoSource(WIDTH, HEIGHT)
    await room.local_participant.publish_track(
        rtc.LocalVideoTrack.create_video_track("camera", source),
        rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            video_codec=CODECS[codec],
            scalability_mode="L3T3_KEY",
            simulcast=False,
        ),
    )
    print("published", flush=True)
    playing = asyncio.ensure_future(play(source))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    playing.cancel()
    await room.disconnect()


async def play(source: rtc.VideoSource) -> None:
    """A light bar that wanders over a dark picture."""
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


if __name__ == "__main__":
    asyncio.run(main())
