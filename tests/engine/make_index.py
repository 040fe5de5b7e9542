"""An OCI image layout with an index of several platforms: make_index.py DIRECTORY OS/ARCHITECTURE[/VARIANT]=LAYER.tar..."""
import hashlib
import json
import os
import sys

directory, *platforms = sys.argv[1:]
os.makedirs(directory + "/blobs/sha256")


def put(data, kind):
    name = hashlib.sha256(data).hexdigest()
    with open(f"{directory}/blobs/sha256/{name}", "wb") as file:
        file.write(data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + name, "size": len(data)}


manifests = []
for each in platforms:
    platform, layer = each.split("=")
    words = dict(zip(("os", "architecture", "variant"), platform.split("/")))
    with open(layer, "rb") as file:
        blob = put(file.read(), "layer.v1.tar")
    config = put(json.dumps({**words, "config": {}, "rootfs": {"type": "layers", "diff_ids": [blob["digest"]]}}).encode(),
                 "config.v1+json")
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                               "layers": [blob]}).encode(), "manifest.v1+json")
    manifests.append({**manifest, "platform": words})
index = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                        "manifests": manifests}).encode(), "index.v1+json")
index["annotations"] = {"org.opencontainers.image.ref.name": "x"}
with open(directory + "/index.json", "w", encoding="ascii") as file:
    json.dump({"schemaVersion": 2, "manifests": [index]}, file)
with open(directory + "/oci-layout", "w", encoding="ascii") as file:
    file.write('{"imageLayoutVersion":"1.0.0"}')
