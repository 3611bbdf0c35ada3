# credentials.py - which access key id botocore finds. Reads one JSON environment a line, writes "none", "error" or
# the id a line. Its STS client is sent to the address in JUDGE_STS, as older versions know no variable for that.
import json
import os
import sys

import botocore.session

for line in sys.stdin:
    os.environ.clear()
    os.environ.update(json.loads(line))
    try:
        session = botocore.session.Session()
        make = session.create_client
        session.create_client = lambda name, *args, **more: make(name, *args, **{**more, 'endpoint_url': os.environ['JUDGE_STS']})
        found = session.get_credentials()
        print('none' if found is None else found.get_frozen_credentials().access_key, flush=True)
    except Exception as error:
        print('error', type(error).__name__, str(error).replace('\n', ' '), flush=True)
