package prevent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/kubernetes"

	"nopea.io/nopea/pkg/controller/prevent"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// checkAfterwards checks what holds for all tests of the package together.
func checkAfterwards(ctx context.Context) error {
	return errors.Join(checkNothingFailedOpen(ctx), checkKeeperWasIdle())
}

// checkNothingFailedOpen looks for expressions that kube-apiserver could not evaluate, which lets the request pass and tells nobody.
func checkNothingFailedOpen(ctx context.Context) error {
	kube, err := kubernetes.NewForConfig(world.admin)
	if err != nil {
		return err
	}
	metrics, err := kube.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("read kube-apiserver's metrics: %w", err)
	}
	denied := false
	for line := range strings.Lines(string(metrics)) {
		if !strings.HasPrefix(line, "apiserver_validating_admission_policy_check_total{") || !strings.Contains(line, `policy="`+prevent.Name+`"`) {
			continue
		}
		if !strings.Contains(line, `enforcement_action="deny"`) {
			return fmt.Errorf("the policy failed open: %s", line)
		}
		denied = true
	}
	if !denied {
		return errors.New("kube-apiserver's metrics do not know of the policy")
	}
	return nil
}

// checkKeeperWasIdle allows the Keeper to look at what its own last write, and that of the policy's status, made of the two objects.
func checkKeeperWasIdle() error {
	requests, err := keeperRequests(world.settled)
	if err == nil && len(requests) > 6 {
		err = fmt.Errorf("the Keeper made %d requests while nobody interfered: %v", len(requests), requests)
	}
	return err
}

// keeperRequests are the Keeper's since a mark, but for watches.
func keeperRequests(mark localcluster.Mark) ([]localcluster.Event, error) {
	return world.cluster.AuditLog().Since(mark, localcluster.Match{
		User: controllerUser, Group: "admissionregistration.k8s.io", Verbs: append(localcluster.Writes(), "get", "list"),
	})
}
