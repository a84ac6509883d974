package apply

import (
	"fmt"
	"slices"
)

// What a prune may take without being confirmed, see the API field pruneGuard.
const (
	guardObjects = 10
	guardPercent = 10
)

// Guard says why a prune must be confirmed before it goes ahead; empty when it need not. known is how many objects the inventory
// holds.
func Guard(prune []ID, known int) string {
	for _, id := range prune {
		if precious(id) {
			return fmt.Sprintf("it deletes the %s", id)
		}
	}
	if len(prune) > guardObjects && len(prune)*100 > known*guardPercent {
		return fmt.Sprintf("it deletes %d of %d objects", len(prune), known)
	}
	return ""
}

// precious kinds take more than themselves along, or data that nothing brings back.
func precious(id ID) bool {
	return slices.Contains([]string{
		"Namespace", "PersistentVolumeClaim", "CustomResourceDefinition." + groupApiextensions, "GitRepository.nopea.io",
	}, id.GroupKind().String())
}
