"""Webhooks by the `openai` package for Python, unmodified, against a running Clipyard; prints what each call gave."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai

settings = json.loads(sys.argv[-1])
options = {"base_url": settings["url"] + "/openai/v1", "max_retries": 0}
client = openai.OpenAI(api_key=settings["key"], **options)
webhooks = client.webhooks
received = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        received.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", settings["receiverPort"]), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{settings['receiverPort']}/python"


def until(count):
    while len(received) < count:
        time.sleep(0.05)
    return received[count - 1]


def refused(call):
    try:
        return {"answered": str(call())}
    except openai.APIStatusError as error:
        return {"status": error.status_code, "param": error.param, "message": error.message}


def verdicts(delivery, secret):
    headers, body = delivery
    try:
        return {"sdk": webhooks.unwrap(body, headers, secret=secret).data.id}
    except openai.InvalidWebhookSignatureError as error:
        return {"sdk": type(error).__name__}


EVENTS = ["video.completed", "video.failed", "batch.completed"]
created = webhooks.create(name="studio", url=url, event_types=EVENTS)
first = created.signing_secret
other = webhooks.create(name="other", url=url + "/other", event_types=["batch.failed"])
listed = [endpoint.id for endpoint in webhooks.list(limit=1)]
found = {
    "created": created.to_dict(),
    "retrieved": webhooks.retrieve(created.id).to_dict(),
    "updated": webhooks.update(created.id, name="renamed", event_types=EVENTS[:2]).to_dict(),
    "isListed": listed == [created.id, other.id],
    "eventTypes": webhooks.event_types.list().to_dict(),
    "test": webhooks.test(created.id, event_type="video.failed").to_dict(),
    "deleted": webhooks.delete(other.id).to_dict(),
    "gone": refused(lambda: webhooks.retrieve(other.id)),
    "badEvent": refused(lambda: webhooks.create(name="x", url="https://a.example", event_types=["nothing"])),
    "badUrl": refused(lambda: webhooks.create(name="x", url="https://10.0.0.1", event_types=EVENTS)),
    "stranger": refused(lambda: openai.OpenAI(api_key="stranger", **options).webhooks.list()),
}
video = client.videos.create(model="sandbox-mini", prompt="a red fox", seconds="1", size="1280x720")
told = until(2)
headers, body = told
rotated = webhooks.rotate_secret(created.id, keep_old_secret_active_for_24_hours=True)
webhooks.test(created.id, event_type="video.completed")
both = until(3)
again = webhooks.rotate_secret(created.id)
webhooks.test(created.id, event_type="video.completed")
newest = until(4)
secrets = [first, rotated.signing_secret, again.signing_secret]
names = {name.lower(): value for name, value in headers.items()}
found.update(
    {
        "told": {**json.loads(body), "isOfVideo": json.loads(body)["data"]["id"] == video.id},
        "state": client.videos.retrieve(video.id).status,
        "tested": verdicts(received[0], first),
        "accepted": verdicts(told, first)["sdk"] == video.id,
        "changed": verdicts((headers, body.replace("video", "audio", 1)), first),
        "old": verdicts(({**names, "webhook-timestamp": str(int(time.time()) - 600)}, body), first),
        "wrong": verdicts(told, secrets[1]),
        "afterRotation": [verdicts(both, secret) for secret in secrets[:2]],
        "afterSecond": [verdicts(newest, secret) for secret in secrets],
    }
)
server.shutdown()
print(json.dumps(found))
