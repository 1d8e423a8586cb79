"""strict_yaml.py FILE...: each document as a line of JSON. A key that is written twice is an error, which YAML's own
loaders let pass and a cluster does not."""

import json
import sys

import yaml


class Strict(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is written twice", node.start_mark)
        return super().construct_mapping(node, deep)


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for document in yaml.load_all(file, Strict):
            if document is not None:
                print(json.dumps(document))
