package prevent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	admissionclient "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/controller/prevent"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// TestKeeper runs before the parallel tests, and leaves the policy in force.
func TestKeeper(t *testing.T) {
	admin := githttp.Must(kubernetes.NewForConfig(world.admin))(t).AdmissionregistrationV1()
	stands(t, admin)
	if err := world.keeper.State(); err != nil {
		t.Errorf("while all is well the state is %v", err)
	}

	t.Run("what is deleted comes back", func(t *testing.T) {
		quiet(t)
		for what, err := range map[string]error{
			"binding": admin.ValidatingAdmissionPolicyBindings().Delete(background(), prevent.Name, metav1.DeleteOptions{}),
			"policy":  admin.ValidatingAdmissionPolicies().Delete(background(), prevent.Name, metav1.DeleteOptions{}),
		} {
			if err != nil {
				t.Fatalf("delete the %s: %v", what, err)
			}
		}
		stands(t, admin)
	})
	t.Run("what is changed is put back", func(t *testing.T) {
		quiet(t)
		githttp.Must(admin.ValidatingAdmissionPolicies().Patch(background(), prevent.Name, types.MergePatchType,
			[]byte(`{"spec":{"failurePolicy":"Fail","validations":[{"expression":"true"}]}}`), metav1.PatchOptions{}))(t)
		stands(t, admin)
	})
	t.Run("what does not go with it is replaced", func(t *testing.T) {
		quiet(t)
		githttp.Must(admin.ValidatingAdmissionPolicyBindings().Patch(background(), prevent.Name, types.MergePatchType,
			[]byte(`{"spec":{"validationActions":["Warn"]}}`), metav1.PatchOptions{}))(t)
		stands(t, admin)
	})
	t.Run("both go when nobody wants them", func(t *testing.T) {
		mark := githttp.Must(world.cluster.AuditLog().Mark())(t)
		world.keeper.Want(false)
		eventually(t, "both are gone", func(ctx context.Context) error {
			_, binding := admin.ValidatingAdmissionPolicyBindings().Get(ctx, prevent.Name, metav1.GetOptions{})
			_, policy := admin.ValidatingAdmissionPolicies().Get(ctx, prevent.Name, metav1.GetOptions{})
			return errors.Join(absent(binding), absent(policy))
		})
		deletes := githttp.Must(world.cluster.AuditLog().Since(mark, localcluster.Match{User: controllerUser, Verbs: []string{"delete"}}))(t)
		if len(deletes) < 2 || deletes[0].Resource != "validatingadmissionpolicybindings" {
			t.Errorf("they were deleted by %v; want the binding first", deletes)
		}
	})
	world.keeper.Want(true)
	stands(t, admin)
	if err := inForce(background()); err != nil {
		t.Fatal(err)
	}
	world.keeper.Want(true) // said again
	world.settled = githttp.Must(world.cluster.AuditLog().Mark())(t)
}

// TestKeeperWithoutRights is about a second Keeper, of the same objects, that gets its rights late.
func TestKeeperWithoutRights(t *testing.T) {
	config := rest.CopyConfig(world.admin)
	config.Impersonate.UserName = "late"
	keeper := prevent.NewKeeper(githttp.Must(admissionclient.NewForConfig(config))(t), prevent.Options{BreakGlassGroup: breakGlass})
	ctx, cancel := context.WithCancel(background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { keeper.Run(ctx) })
	if err := keeper.State(); err != nil {
		t.Errorf("before anything is asked for, the state is %v", err)
	}
	keeper.Want(true)
	eventually(t, "the Keeper says that it has no rights", func(context.Context) error {
		if err := keeper.State(); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), prevent.Name) {
			return fmt.Errorf("the state is %w", err)
		}
		return nil
	})
	subject := rbacv1.Subject{Kind: "User", Name: "late"}
	rules := []rbacv1.PolicyRule{*keeperRules[0].DeepCopy()}
	rules[0].Verbs = []string{"create", "patch"} // without a watch, only a retry notices
	if err := grant(background(), githttp.Must(kubernetes.NewForConfig(world.admin))(t), "late", subject, rules); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Keeper says that all is well", func(context.Context) error { return keeper.State() })
}

// quiet waits until the Keeper has nothing left to look at, so that what comes next is for its watches to notice.
func quiet(t *testing.T) {
	t.Helper()
	eventually(t, "the Keeper is quiet", func(context.Context) error {
		requests, err := keeperRequests(localcluster.Mark{})
		if err == nil && time.Since(requests[len(requests)-1].Recorded) < 2*time.Second {
			err = errors.New("it made a request a moment ago")
		}
		return err
	})
}

// stands waits until both objects are as they should be.
func stands(t *testing.T, admin admissionclient.AdmissionregistrationV1Interface) {
	t.Helper()
	want := prevent.Policy(prevent.Options{BreakGlassGroup: breakGlass}).Spec
	eventually(t, "the policy and the binding stand", func(ctx context.Context) error {
		policy, err := admin.ValidatingAdmissionPolicies().Get(ctx, prevent.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		binding, err := admin.ValidatingAdmissionPolicyBindings().Get(ctx, prevent.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if *policy.Spec.FailurePolicy != admissionregistrationv1.Ignore || len(policy.Spec.Validations) != len(want.Validations) {
			return fmt.Errorf("the policy is %+v", policy.Spec)
		}
		if !slices.Equal(binding.Spec.ValidationActions, []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}) {
			return fmt.Errorf("the binding is %+v", binding.Spec)
		}
		return nil
	})
}
