package drift

import "fmt"

// samples are how many objects there are with lists of each type.
const samples = 12

// listsManifests define a kind with lists of each type, which published manifests do not all have, and objects of it.
func listsManifests() map[string]string {
	files := map[string]string{"lists/definition.yaml": `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: samples.lists.example.com}
spec:
  group: lists.example.com
  names: {kind: Sample, plural: samples}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              arguments: {type: array, items: {type: string}, x-kubernetes-list-type: atomic}
              endpoints:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [host, port]
                items:
                  type: object
                  required: [host, port]
                  properties:
                    host: {type: string}
                    port: {type: integer}
                    weight: {type: number}
                    name: {type: string}
                    zones: {type: array, items: {type: string}, x-kubernetes-list-type: set}
                    routes:
                      type: array
                      items: {type: object, properties: {path: {type: string}, exact: {type: boolean}}}
              anything: {type: object, x-kubernetes-preserve-unknown-fields: true}
              size: {x-kubernetes-int-or-string: true}
`}
	for i := range samples {
		files[fmt.Sprintf("lists/sample-%d.yaml", i)] = fmt.Sprintf(`apiVersion: lists.example.com/v1
kind: Sample
metadata: {name: sample-%d}
spec:
  tags: [red, green, blue]
  arguments: [run, --fast]
  endpoints:
  - {host: a, port: 80, weight: 0.5, name: first, zones: [north, south]}
  - {host: a, port: 443, routes: [{path: /, exact: true}, {path: /more, exact: false}]}
  - {host: b, port: 80}
  anything: {deep: {list: [{name: x, value: 1}], text: "12"}}
  size: 3
`, i)
	}
	return files
}
