// Package manifest turns the files of a Git tree into Kubernetes objects.
//
// It is pure: the same files give the same objects and the same errors, in the same order. It holds no client, no clock
// and no file system. Reading Git, rendering with other tools, deciding what to apply, and the order of applying do not
// belong here.
//
// [Ignore] tells which files are not read. [Parse] decodes files and checks what one object alone can tell; [Substitute]
// replaces variables; [Normalize] checks and completes what only the whole tree and the API server's kinds can tell:
// namespaces, duplicates, unknown kinds. Either all of a tree comes back or an error does: a tree that was read in part must
// never be applied, let alone pruned against.
//
// What is taken out of an object in the end, because desired state cannot hold it:
//   - status at the top level: it is the cluster's to write;
//   - metadata that only the API server sets: uid, resourceVersion, generation, creationTimestamp, deletionTimestamp,
//     deletionGracePeriodSeconds, managedFields, selfLink;
//   - stringData of a Secret: it is write-only, so drift in it could not be seen; it is merged into data.
//
// ownerReferences are kept as written. Objects are read-only once returned: they share parts with each other and with
// a [Cache]. Copy one deeply before changing anything inside it.
package manifest
