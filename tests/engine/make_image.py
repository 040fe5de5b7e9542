"""Make an image for tests: make_image.py FORM OUT NAME CONFIG LAYER.tar...

FORM: oci-archive, oci-dir or docker-archive; NAME may be empty; CONFIG: a JSON object, what goes into the image
config's "config". A layer whose name ends in .gz or .zst is taken as it is. Prints the image's id.
"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Image:
    def __init__(self, config, layers):
        self.blobs, self.layers, diffs = {}, [], []
        for path in layers:
            with open(path, "rb") as file:
                data = file.read()
            tar, kind = data, "application/vnd.oci.image.layer.v1.tar"
            if path.endswith(".gz"):
                tar, kind = gzip.decompress(data), kind + "+gzip"
            elif path.endswith(".zst"):
                tar, kind = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout, kind + "+zstd"
            diffs.append(digest(tar))
            self.layers.append(self.add(data, kind))
        self.config = json.dumps({"created": "2024-02-29T12:00:00Z", "architecture": "amd64", "os": "linux", "config": config,
                                  "rootfs": {"type": "layers", "diff_ids": diffs},
                                  "history": [{"created_by": f"layer {i}"} for i in range(len(diffs))]}).encode()
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": self.add(self.config, "application/vnd.oci.image.config.v1+json"), "layers": self.layers}
        self.manifest = self.add(json.dumps(manifest).encode(), manifest["mediaType"])

    def add(self, data, kind):
        self.blobs[digest(data)] = data
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def layout(self, name):
        entry = dict(self.manifest)
        if name:
            entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        yield "oci-layout", b'{"imageLayoutVersion":"1.0.0"}'
        yield "index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        for name_of_blob, data in self.blobs.items():
            yield "blobs/sha256/" + name_of_blob.split(":")[1], data

    def docker(self, name):
        config = digest(self.config).split(":")[1] + ".json"
        paths = []
        for i, layer in enumerate(self.layers):
            paths.append(f"{i}/layer.tar")
            yield paths[-1], self.blobs[layer["digest"]]
        yield config, self.config
        yield "manifest.json", json.dumps([{"Config": config, "RepoTags": [name] if name else None, "Layers": paths}]).encode()


def main(form, out, name, config, *layers):
    image = Image(json.loads(config), layers)
    files = image.docker(name) if form == "docker-archive" else image.layout(name)
    if form == "oci-dir":
        for path, data in files:
            os.makedirs(os.path.dirname(f"{out}/{path}"), exist_ok=True)
            with open(f"{out}/{path}", "wb") as file:
                file.write(data)
    else:
        with tarfile.open(out, "w") as archive:
            for path, data in files:
                entry = tarfile.TarInfo(path)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    print(digest(image.config))


main(*sys.argv[1:])
