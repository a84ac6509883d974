package prevent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/prevent"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// breakGlass is a group whose name has to be quoted in CEL.
const breakGlass = `nopea:"break-glass" é`

// world is what the tests of this package share.
var world struct {
	cluster *localcluster.Cluster
	admin   *rest.Config
	// controller is nopea-controller's configuration; its rights are rules and no more.
	controller *rest.Config
	keeper     *prevent.Keeper
	// settled is when the tests began to leave the policy alone.
	settled localcluster.Mark
}

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "nopea-prevent-")
	if err == nil {
		world.cluster, err = localcluster.Start(background(), localcluster.Options{Dir: filepath.Join(dir, "cluster")})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		err := world.cluster.Stop()
		if code == 0 {
			err = errors.Join(err, os.RemoveAll(dir))
		} else {
			fmt.Fprintf(os.Stderr, "The cluster's logs and data are in %s\n", dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	if err := prepare(background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithCancel(background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { world.keeper.Run(ctx) })
	world.keeper.Want(true)
	if err := inForce(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if world.settled, err = world.cluster.AuditLog().Mark(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if code = m.Run(); code == 0 {
		if err := checkAfterwards(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// prepare makes the identities that the tests act as, and the Keeper.
func prepare(ctx context.Context) error {
	var err error
	if world.admin, err = world.cluster.Config(); err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfig(world.admin)
	if err != nil {
		return err
	}
	if world.controller, err = controllerConfig(ctx, kube, world.admin); err != nil {
		return err
	}
	controller, err := kubernetes.NewForConfig(world.controller)
	if err != nil {
		return err
	}
	world.keeper = prevent.NewKeeper(controller.AdmissionregistrationV1(), prevent.Options{BreakGlassGroup: breakGlass})
	return nil
}

// inForce waits until kube-apiserver acts by the policy.
func inForce(ctx context.Context) error {
	kube, err := kubernetes.NewForConfig(world.admin)
	if err != nil {
		return err
	}
	probe := applycore.ConfigMap("probe", controllerSpace).WithLabels(map[string]string{v1alpha1.LabelPrevent: "true"})
	probes := kube.CoreV1().ConfigMaps(controllerSpace)
	var last error
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		// The first of these creates it, whoever sends it.
		_, last = probes.Apply(ctx, probe, metav1.ApplyOptions{FieldManager: v1alpha1.FieldManager, Force: true})
		return apierrors.IsForbidden(last), nil
	})
	if err != nil {
		return fmt.Errorf("wait until the policy is in force: %w: the last answer was %w", err, last)
	}
	return nil
}

func background() context.Context { return context.Background() }
