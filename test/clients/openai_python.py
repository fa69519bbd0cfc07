"""The video methods of the `openai` package for Python, unmodified, against a running Clipyard; prints what each gave."""

import asyncio
import json
import sys
import tempfile
import warnings

import openai

warnings.simplefilter("ignore")
settings = json.loads(sys.argv[-1])
BASE_URL = settings["url"] + "/openai/v1"
CLIP = {"model": "sandbox-mini", "prompt": "a red fox", "seconds": "1", "size": "1280x720"}


def client_of(key):
    return openai.OpenAI(base_url=BASE_URL, api_key=key, max_retries=0)


client = client_of(settings["key"])


def refused(call):
    """What a call is refused with, as the package shows it."""
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "name": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "type": error.type,
            "param": error.param,
            "hasRequestId": bool(error.request_id),
        }
    except Exception as error:  # its own checks, before anything is sent
        return {"name": type(error).__name__, "status": None}
    return None


def downloaded(video_id, **query):
    content = client.videos.download_content(video_id, **query)
    with tempfile.NamedTemporaryFile() as file:
        content.write_to_file(file.name)
        data = file.read()
    return {"sizeBytes": len(data), "head": data[:12].decode("latin1"), "type": content.response.headers["content-type"]}


async def made_async():
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=settings["key"], max_retries=0) as other:
        video = await other.videos.create_and_poll(**CLIP, poll_interval_ms=100)
        ids = [each.id async for each in other.videos.list(limit=1)]
        return {"status": video.status, "id": video.id, "ids": ids}


def show(video):
    return video.model_dump()


created = client.videos.create(**CLIP)
with open(settings["image"], "rb") as image:
    polled = client.videos.create_and_poll(**CLIP, input_reference=image, poll_interval_ms=100)
followed = client.videos.poll(created.id, poll_interval_ms=100)
hint = client.videos.with_raw_response.create(**CLIP)
while_running = client.videos.with_raw_response.retrieve(hint.parse().id)
hinted = client.videos.poll(hint.parse().id)
remix = client.videos.remix(polled.id, prompt="at night")
running = client.videos.create(**CLIP)
early = {
    "delete": refused(lambda: client.videos.delete(running.id)),
    "content": refused(lambda: client.videos.download_content(running.id)),
}
client.videos.poll(remix.id, poll_interval_ms=100)
client.videos.poll(running.id, poll_interval_ms=100)
image_file = ("start.png", open(settings["image"], "rb").read(), "image/png")
found = {
    "created": show(created),
    "polled": show(polled),
    "followed": show(followed),
    "pollAfterMs": while_running.headers.get("openai-poll-after-ms"),
    "hinted": show(hinted),
    "remix": show(remix),
    "early": early,
    "contents": {
        "byDefault": downloaded(polled.id),
        "video": downloaded(polled.id, variant="video"),
        "thumbnail": downloaded(polled.id, variant="thumbnail"),
        "spritesheet": downloaded(polled.id, variant="spritesheet"),
    },
    "listed": {
        "newestFirst": [video.id for video in client.videos.list(limit=2)],
        "oldestFirst": [video.id for video in client.videos.list(limit=2, order="asc")],
    },
    "unsupported": [
        refused(lambda: client.videos.edit(prompt="p", video=image_file)),
        refused(lambda: client.videos.extend(prompt="p", seconds="4", video=image_file)),
        refused(lambda: client.videos.create_character(name="fox", video=image_file)),
        refused(lambda: client.videos.get_character("char_1")),
    ],
    "errors": {
        "key": refused(lambda: client_of("stranger").videos.create(**CLIP)),
        "model": refused(lambda: client.videos.create(**{**CLIP, "model": "no-such-model"})),
        "noModel": refused(lambda: client.videos.create(prompt="p")),
        "credit": refused(lambda: client_of(settings["keys"]["poor"]).videos.create(**CLIP)),
        "foreign": refused(lambda: client_of(settings["keys"]["limited"]).videos.create(model="sora-2", prompt="p")),
        "unknown": refused(lambda: client.videos.retrieve("video_nobody")),
        "after": refused(lambda: list(client.videos.list(after="video_nobody"))),
        "limit": [
            refused(lambda: client_of(settings["keys"]["narrow"]).videos.create(**CLIP)) for _ in range(2)
        ][1],
    },
}
same = [client.videos.create(**CLIP, extra_headers={"Idempotency-Key": "k-1"}).id for _ in range(2)]
found["isSame"] = same[0] == same[1]
found["errors"]["mismatch"] = refused(
    lambda: client.videos.create(**{**CLIP, "prompt": "another"}, extra_headers={"Idempotency-Key": "k-1"})
)
found["deleted"] = client.videos.delete(polled.id).model_dump()
found["errors"]["deleted"] = refused(lambda: client.videos.retrieve(polled.id))
found["async"] = asyncio.run(made_async())
print(json.dumps(found))
