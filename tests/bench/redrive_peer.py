"""redrive_peer.py - the script people write with boto3: batches of ten, so many threads at once.

    python3 redrive_peer.py ENDPOINT FROM TO AT_ONCE

It keeps nothing, asks nobody, and takes out what its own look at the body calls good.
"""
import hashlib
import json
import resource
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

endpoint, source, target, at_once = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1", config=Config(max_pool_connections=at_once))


def is_good(text):
    try:
        body = json.loads(text)
    except ValueError:
        return False
    if not all(body.get(name) for name in ("event_id", "correlation_id", "payload")):
        return False
    payload = json.dumps(body["payload"], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(payload.encode()).hexdigest() == body.get("payload_hash")


def work(_):
    kept, moved = [], 0
    while True:
        answer = sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10, VisibilityTimeout=300, MessageAttributeNames=["All"], AttributeNames=["All"])
        messages = answer.get("Messages", [])
        if not messages:
            return kept, moved
        good = [message for message in messages if is_good(message["Body"])]
        kept += [message["ReceiptHandle"] for message in messages if message not in good]
        if not good:
            continue
        entries = [{"Id": str(i), "MessageBody": message["Body"], "MessageAttributes": message.get("MessageAttributes", {})} for i, message in enumerate(good)]
        sent = sqs.send_message_batch(QueueUrl=target, Entries=entries).get("Successful", [])
        entries = [{"Id": one["Id"], "ReceiptHandle": good[int(one["Id"])]["ReceiptHandle"]} for one in sent]
        moved += len(sqs.delete_message_batch(QueueUrl=source, Entries=entries).get("Successful", []))


def put_back(handles):
    entries = [{"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": 0} for i, handle in enumerate(handles)]
    sqs.change_message_visibility_batch(QueueUrl=source, Entries=entries)


with ThreadPoolExecutor(at_once) as pool:
    results = list(pool.map(work, range(at_once)))
    stay = [handle for kept, _ in results for handle in kept]
    list(pool.map(put_back, [stay[i : i + 10] for i in range(0, len(stay), 10)]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"moved": sum(moved for _, moved in results), "stayed": len(stay), "cpuMs": (used.ru_utime + used.ru_stime) * 1000}))
