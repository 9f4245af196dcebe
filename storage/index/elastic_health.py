"""How an Elasticsearch cluster is, for an operator."""

from __future__ import annotations

from sohoa.settings import Settings
from storage.index.elastic import connect

_DO = {
    "green": "",
    "yellow": "a copy of the index has no machine: add a node, or ask for fewer with replicas= in SOHOA_INDEX_URL and rebuild",
    "red": "a part of the index is down and searches fail: start the missing node, or sohoa rebuild --index",
}


def look(settings: Settings, found: str) -> tuple[str, str]:
    """What is `found`, with the index's name and the cluster's own judgement of it; and what to do. Raises IndexAway."""
    cluster, place = connect(settings)
    try:
        with cluster.asked() as library:
            (name,) = library.indices.get_alias(name=place.alias)
            health = library.cluster.health(index=name)
            being_made = bool(library.indices.exists_alias(name=place.next))
            version = next(iter(library.nodes.info(filter_path="nodes.*.version")["nodes"].values()))["version"]
            settled = library.indices.get_settings(index=name, flat_settings=True)[name]["settings"]
    finally:
        cluster.close()
    said = f"{found}, in {name} on Elasticsearch {version}, {health['number_of_nodes']} node(s), {health['status']}"
    if being_made:
        said += "; a new index is being made beside it"
    if settled.get("index.blocks.read_only_allow_delete") == "true":
        return (
            said,
            "its disk is fuller than Elasticsearch allows and nothing is indexed: free some, the block goes by itself",
        )
    return said, _DO[str(health["status"])]
