"""``bullrush k8s manifest``: what Kubernetes needs to run workers."""

from __future__ import annotations

import re
from string import Template

import click

from .commands import Command

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
#: Which role -> what `WORKER_SCRIPT` says.
SCRIPTS = {
    "worker": "start:worker",
    "beat": "start:scheduler",
    "timers": "start:timers",
    "api": "start:api",
}

DEPLOYMENT = Template("""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $name
  labels: {app: $name}
spec:
  replicas: $replicas
  selector:
    matchLabels: {app: $name}
  template:
    metadata:
      labels: {app: $name}
    spec:
      # Running tasks may end: the worker gets SIGTERM after preStop and is killed after this.
      terminationGracePeriodSeconds: $grace
      containers:
        - name: $name
          image: $image
          args: ["run-role"]
          env:
            - {name: WORKER_SCRIPT, value: "$script"}
            - {name: CELERY_APP, value: "$app"}
$more
            - name: REDIS_URL
              valueFrom: {secretKeyRef: {name: $secret, key: REDIS_URL}}
          ports:
            - {name: health, containerPort: $port}
          startupProbe:
            httpGet: {path: $live, port: health}
            failureThreshold: 30
            periodSeconds: 2
          livenessProbe:
            httpGet: {path: $live, port: health}
            periodSeconds: 10
            timeoutSeconds: 2
          readinessProbe:
            httpGet: {path: $ready, port: health}
            periodSeconds: 5
            timeoutSeconds: 2
          lifecycle:
            preStop:
              exec: {command: ["sleep", "5"]}
          resources:
            requests: {cpu: 500m, memory: 512Mi}
            limits: {cpu: "2", memory: 2Gi}
          securityContext:
            runAsNonRoot: true
            allowPrivilegeEscalation: false
""")

#: What a role needs besides. The API listens for everybody, and must know who may do what.
MORE = {
    "worker": ["{name: BULLRUSH_HEALTH_PORT, value: '$port'}"],
    "api": [
        "{name: HOST, value: 0.0.0.0}",
        "{name: PORT, value: '$port'}",
        "{name: BULLRUSH_ADMIN_TOKEN, "
        "valueFrom: {secretKeyRef: {name: $secret, key: BULLRUSH_ADMIN_TOKEN}}}",
    ],
}

#: An External metric: every pod would report the same depth of the queue as its own, and a Pods
#: metric would multiply it by their number.
HPA = Template("""\
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: $name
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: $name}
  minReplicas: $replicas
  maxReplicas: $most
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 70}
    - type: External
      external:
        metric:
          name: queue_waiting_jobs
          selector:
            matchLabels: {queue: "$queue"}
        target: {type: AverageValue, averageValue: "$target"}
""")

KEDA = Template("""\
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: $name
spec:
  scaleTargetRef: {name: $name}
  minReplicaCount: $replicas
  maxReplicaCount: $most
  triggers:
    - type: prometheus
      metadata:
        serverAddress: $prometheus
        query: sum(max by (queue) (queue_waiting_jobs{queue="$queue"}))
        threshold: "$target"
""")


@click.group()
def k8s() -> None:
    """Kubernetes."""


@k8s.command(cls=Command)
@click.option("--name", default="bullrush-worker", show_default=True)
@click.option("--image", default="registry.example/app:latest", show_default=True)
@click.option("--role", type=click.Choice(tuple(SCRIPTS)), default="worker", show_default=True)
@click.option("--app", "source", default="proj", show_default=True, help="As -A.")
@click.option("--replicas", type=click.IntRange(min=0), default=3, show_default=True)
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--secret", default="bullrush", show_default=True, help="The secret with REDIS_URL.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--grace", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--queue", default="celery", show_default=True, help="The queue it scales by.")
@click.option("--target", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--hpa", is_flag=True, help="Add a HorizontalPodAutoscaler, by an External metric.")
@click.option("--keda", is_flag=True, help="Add a ScaledObject of KEDA instead.")
@click.option("--prometheus", default="http://prometheus.monitoring:9090", show_default=True)
def manifest(hpa: bool, keda: bool, role: str, source: str, **values: object) -> None:
    """Print a Deployment with probes and a drain. Pipe it into kubectl apply -f -."""
    for option in ("name", "secret"):
        if not _NAME.match(str(values[option])):
            raise click.BadParameter(f"--{option} is small letters, digits and -")
    for option, text in {**values, "app": source}.items():
        if re.search(r"[\s\"'{}$\\]", str(text)):
            raise click.BadParameter(f"--{option}: {text!r} cannot stand in a manifest")
    if hpa and keda:
        raise click.UsageError("--hpa and --keda would scale the same Deployment: choose one")
    live, ready = ("/live", "/api/health/ready") if role == "api" else ("/live", "/ready")
    lines = "\n".join(f"            - {line}" for line in MORE.get(role, MORE["worker"]))
    values["more"] = Template(lines).substitute(values)
    values |= {"script": SCRIPTS[role], "app": source, "live": live, "ready": ready}
    click.echo(DEPLOYMENT.substitute(values), nl=False)
    if hpa or keda:
        click.echo((HPA if hpa else KEDA).substitute(values), nl=False)
