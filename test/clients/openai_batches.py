"""Files and batches by the `openai` package for Python, unmodified, against a running Clipyard; prints what each gave."""

import json
import sys
import time

import openai

settings = json.loads(sys.argv[-1])
client = openai.OpenAI(base_url=settings["url"] + "/openai/v1", api_key=settings["key"], max_retries=0)
BODY = {"model": "sandbox-mini", "prompt": "a red fox", "seconds": "1", "size": "1280x720"}


def line_of(custom_id, more={}, body={}):
    line = {"custom_id": custom_id, "method": "POST", "url": "/v1/videos", "body": {**BODY, **body}, **more}
    return json.dumps(line)


def upload(lines):
    return client.files.create(file=("clips.jsonl", "\n".join(lines).encode()), purpose="batch")


def submit(file, **more):
    return client.batches.create(input_file_id=file.id, endpoint="/v1/videos", completion_window="24h", **more)


def followed(batch_id):
    while True:
        batch = client.batches.retrieve(batch_id)
        if batch.status not in ("validating", "in_progress", "finalizing", "cancelling"):
            return batch
        time.sleep(0.1)


def lines_of(file_id):
    if file_id is None:
        return []
    return [json.loads(line) for line in client.files.content(file_id).text.strip().split("\n")]


with open(settings["image"], "rb") as picture:
    image = client.files.create(file=picture, purpose="vision")
pictured = {"input_reference": {"file_id": image.id}}
# Its `videos.create` takes no object there, as OpenAI's own reference has it.
single = client.post("/videos", body={**BODY, "prompt": "from a file", **pictured}, cast_to=openai.types.Video)
file = upload([line_of("one"), "", line_of("two"), line_of("three", body=pictured)])
processed = client.files.wait_for_processing(file.id)
created = submit(file, metadata={"film": "foxes"})
repeated = submit(file)
ended = followed(created.id)
bad = submit(upload([line_of("one"), line_of("one"), line_of("four", {"url": "/v1/chat"}), "{"]))
lenient = followed(submit(upload([line_of("five"), "{"]), metadata={"on_invalid_line": "skip"}).id)
long = submit(upload([line_of(f"n{n}") for n in range(40)]))
cancelling = client.batches.cancel(long.id)
cancelled = followed(long.id)
found = {
    "file": file.to_dict(),
    "single": single.to_dict(),
    "processed": processed.to_dict(),
    "created": created.to_dict(),
    "ended": ended.to_dict(),
    "bad": bad.to_dict(),
    "lenient": lenient.to_dict(),
    "cancelling": cancelling.to_dict(),
    "cancelled": cancelled.to_dict(),
    "listed": [batch.id for batch in client.batches.list(limit=2)],
    "files": [each.id for each in client.files.list(purpose="batch", limit=2)],
    "output": lines_of(ended.output_file_id),
    "errors": lines_of(lenient.error_file_id),
    "cancelledErrors": len(lines_of(cancelled.error_file_id)),
    "isRepeat": repeated.id == created.id,
    "deleted": client.files.delete(file.id).to_dict(),
}
try:
    client.files.retrieve(file.id)
except openai.APIStatusError as error:
    found["gone"] = {"status": error.status_code, "code": error.code}
print(json.dumps(found))
