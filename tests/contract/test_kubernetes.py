"""The Kubernetes manifests that operators are given: by Kubernetes' own schemas, and the services of docker-compose.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from sohoa.settings import MEGABYTE, Settings
from tests.support.archived import opened_api
from tests.support.stack import COMPOSE, OURS, commands

FOLDER = COMPOSE.parent / "docs/operations/kubernetes"
VERSIONS = ("1.29", "1.31", "1.33", "1.35")
NOT_OUTSIDE = {"/metrics", "/healthz", "/readyz"}

Manifest = dict[str, Any]


def manifests() -> list[Manifest]:
    said = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert {*said["resources"], "kustomization.yaml"} == {path.name for path in FOLDER.iterdir()}
    return [each for name in said["resources"] for each in yaml.safe_load_all((FOLDER / name).read_text())]


ALL = manifests()


def one(kind: str, name: str) -> Manifest:
    (found,) = [each for each in ALL if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> dict[str, Manifest]:
    """What a pod of each of our services is to be, by the service's name."""
    found = {
        each["metadata"]["name"].removeprefix("sohoa-"): each
        for each in ALL
        if each["kind"] in ("Deployment", "StatefulSet")
    }
    return {name: each["spec"]["template"]["spec"] for name, each in found.items()}


@pytest.fixture(scope="module")
def compose() -> Manifest:
    told: Manifest = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return told


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", ALL, ids=lambda each: f"{each['kind']}/{each['metadata']['name']}")
def test_kubernetes_takes_it(manifest: Manifest, version: str) -> None:
    assert kubernetes_validate.validate(manifest, version, strict=True).startswith(version)


def test_what_kubernetes_does_not_know_is_found() -> None:
    """The judge judges."""
    (container,) = (pod := pods()["api"])["containers"]
    wrong = {
        **one("StatefulSet", "sohoa-api"),
        "spec": {"template": {"spec": {**pod, "containers": [{**container, "ports": "http"}]}}},
    }
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("service", OURS)
def test_a_pod_runs_what_the_compose_file_runs_and_no_more_rights(service: str, compose: Manifest) -> None:
    pod, theirs = pods()[service], compose["services"][service]
    (container,) = pod["containers"]
    assert container["image"] == compose["x-sohoa"]["image"]
    assert container["args"] == commands()[service]
    limits = container["resources"]["limits"]
    assert (limits["memory"], limits["cpu"]) == (f"{theirs['mem_limit']}i".replace("g", "G"), str(theirs["cpus"]))
    assert f"{pod['terminationGracePeriodSeconds'] // 60}m" == compose["x-sohoa"]["stop_grace_period"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    about = pod["securityContext"]
    assert f"{about['runAsUser']}:{about['runAsGroup']}" == compose["x-sohoa"]["user"]
    assert about["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    places = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert places == {"/var/lib/sohoa", "/tmp", "/run/secrets"}
    claims = one("StatefulSet", "sohoa-api")["spec"]["volumeClaimTemplates"] if service == "api" else []
    there = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in claims}
    assert {mount["name"] for mount in container["volumeMounts"]} == there


def test_the_settings_are_those_of_the_compose_file(compose: Manifest) -> None:
    ours, theirs = one("ConfigMap", "sohoa")["data"], compose["x-sohoa"]["environment"]
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if name.removeprefix("SOHOA_").lower() not in Settings.model_fields] == []
    elsewhere = {"SOHOA_ARCHIVE_URL", "SOHOA_INDEX_URL", "SOHOA_OFFICE"}
    assert {name: ours[name] for name in ours.keys() - elsewhere} == {
        name: theirs[name] for name in theirs.keys() - elsewhere
    }
    told = (FOLDER.parent / "kubernetes.md").read_text()
    assert [secret for secret in compose["x-sohoa"]["secrets"] if f"--from-file={secret}" not in told] == []


def test_as_many_processes_as_cores_that_a_worker_may_use(compose: Manifest) -> None:
    (worker,) = pods()["worker"]["containers"]
    assert one("ConfigMap", "sohoa")["data"]["SOHOA_JOBS"] == worker["resources"]["limits"]["cpu"]
    assert compose["x-sohoa"]["environment"]["SOHOA_JOBS"] == str(compose["services"]["worker"]["cpus"])


def test_every_selector_finds_its_pods_and_every_name_is_there() -> None:
    for each in ALL:
        spec = each.get("spec", {})
        if "template" in spec:
            assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    api = one("StatefulSet", "sohoa-api")["spec"]["template"]["metadata"]["labels"]
    assert one("Service", "sohoa-api")["spec"]["selector"] == api
    assert one("PodDisruptionBudget", "sohoa-api")["spec"]["selector"]["matchLabels"] == api
    assert one("NetworkPolicy", "sohoa-api")["spec"]["podSelector"]["matchLabels"] == api
    scaled = one("HorizontalPodAutoscaler", "sohoa-worker")["spec"]["scaleTargetRef"]
    assert one(scaled["kind"], scaled["name"])


def test_workers_grow_by_a_metric_that_there_is_and_probes_ask_what_there_is(tmp_path: Path) -> None:
    (wanted,) = one("HorizontalPodAutoscaler", "sohoa-worker")["spec"]["metrics"]
    (api,) = pods()["api"]["containers"]
    with opened_api(tmp_path) as opened:
        text = opened.client.get("/metrics", headers=opened.token("metrics")).text
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert opened.client.get(api[probe]["httpGet"]["path"]).status_code == 200
    assert wanted["external"]["metric"]["name"] in {family.name for family in text_string_to_metric_families(text)}


def test_all_routes_but_those_for_the_inside_are_had_from_outside(tmp_path: Path) -> None:
    ingress = one("Ingress", "sohoa")
    (rule,) = ingress["spec"]["rules"]
    paths = {(path["path"], path["pathType"]) for path in rule["http"]["paths"]}
    with opened_api(tmp_path) as opened:
        routes = set(opened.app.openapi()["paths"])
    outside = {path for path in routes if any(_is_led(path, *each) for each in paths)}
    assert routes - outside == NOT_OUTSIDE & routes
    assert "/metrics" not in {path for path, _ in paths}
    (largest,) = [
        value for name, value in ingress["metadata"]["annotations"].items() if name.endswith("/proxy-body-size")
    ]
    assert int(largest.removesuffix("m")) * MEGABYTE == Settings.model_fields["max_file_bytes"].default + MEGABYTE


def _is_led(path: str, to: str, how: str) -> bool:
    return path == to if how == "Exact" else path == to or path.startswith(f"{to}/")
