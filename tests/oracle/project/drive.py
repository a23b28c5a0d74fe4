"""Answers scenarios, a line each: ``[number, name, arguments]`` comes in, ``[number, answer]`` goes
out.
"""

import json
import sys
import traceback

import scenarios


def answer(name, arguments):
    """What the scenario returned, or what it raised."""
    try:
        return {"returned": getattr(scenarios, name)(*arguments)}
    except Exception as error:
        print(traceback.format_exc(), file=sys.stderr)
        return {"raised": [type(error).__name__, [str(each) for each in error.args]]}


def plain(text):
    """Under either name, and by the class that users catch."""
    text = text.replace("bullrush.", "celery.")
    return text.replace("celery.exceptions.UnserializableArgument", "kombu.exceptions.EncodeError")


for line in sys.stdin:
    number, name, arguments = json.loads(line)
    said = json.dumps([number, answer(name, arguments)], default=repr, sort_keys=True)
    print(plain(said), flush=True)
