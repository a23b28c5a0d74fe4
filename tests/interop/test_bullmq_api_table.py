"""docs/bullmq-api.md leaves nothing out: what Node's classes really have stands in it."""

from __future__ import annotations

import re

import pytest

from tests.support.api_table import code_in, rows

#: Node's own machinery, visible because JavaScript hides little; nobody documents it.
INTERNAL = {
    "*": "length name prototype constructor Job base64Name checkConnectionError clientName "
    "createBackend trace closing emit on off once qualifiedName toKey opts",
    "Queue": "addJob baseGetClients commandByType parseClientList sanitizeJobTypes",
    "Worker": "callProcessJob createJob createLockManager createSandbox delay extendJobLocks "
    "getBlockTimeout getRateLimitDelay getUnrecoverableErrorMessage handleCompleted handleFailed "
    "isRateLimited jobScheduler mainLoop maximumBlockTimeout minimumBlockTimeout "
    "moveLimitedBackToWait moveStalledJobsToWait moveToActive nextJobFromJobData retryIfFailed "
    "stalledChecker updateDelays waitForJob waitForRateLimit whenCurrentJobsFinished",
    "Job": "getSpanOperation recordJobMetrics setSpanJobAttributes shouldRetryJob "
    "updateStacktrace validateOptions",
    "QueueEvents": "consumeEvents",
    "FlowProducer": "addChildren addNode addNodes collectFlowEntry getChildren getNode "
    "queueFromNode toFlowError validateFlowJobs",
    "JobScheduler": "getNextJobOpts getSchedulerData getSchedulerNextJobId getTemplateFromJSON "
    "transformSchedulerData close disconnect getBackend waitUntilReady",
}


@pytest.mark.parametrize(
    "class_name",
    [
        "Queue",
        "Worker",
        "Job",
        "QueueEvents",
        "QueueEventsProducer",
        "FlowProducer",
        "JobScheduler",
    ],
)
def test_every_name_of_a_class_of_node_is_in_the_table(shared_nodes, class_name):
    documented = {
        name
        for row in rows()
        if row.heading == class_name
        for code in code_in(row.theirs)
        for name in re.findall(r"^(?:\w+\.)?(\w+)", code)
    }
    node = shared_nodes("bullmq-6.7")
    real = {each for each in node.request("namesOf", className=class_name) if each[0] != "_"}
    internal = set(f"{INTERNAL['*']} {INTERNAL.get(class_name, '')}".split())
    assert real - internal - documented == set()
