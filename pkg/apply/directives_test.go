package apply

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/directive"
)

// kept is what an object says whose annotation nopea.io/prune is disabled; keptByArgo what one says that Argo CD does not prune.
var (
	kept       = directive.KeepOf(nil, map[string]string{v1alpha1.AnnotationPrune: "disabled"})
	keptByArgo = directive.KeepOf(nil, map[string]string{"argocd.argoproj.io/sync-options": "Prune=false"})
)

func TestPlanOfDirectives(t *testing.T) {
	id := configMap("a")
	ours := Live{UID: "u1", Signature: "s1", Labelled: true}
	marked, byArgo, foreign := ours, ours, Live{UID: "u9", Holder: &Holder{Description: "somebody"}}
	marked.Keep, byArgo.Keep = kept, keptByArgo
	applied := entry(id, "u1", "h1", "s1")
	for name, test := range map[string]struct {
		createOnly bool
		entry      *v1alpha1.InventoryEntry
		live       *Live
		unknown    error
		options    Options
		want       Action
		wantWords  string
	}{
		"kept":                              {entry: &applied, live: &marked, options: Options{Prune: true}, want: Release, wantWords: "nopea.io/prune"},
		"kept, at the end":                  {entry: &applied, live: &marked, options: Options{Prune: true, Ending: true}, want: Release, wantWords: "nopea.io/prune"},
		"not pruned by Argo CD":             {entry: &applied, live: &byArgo, options: Options{Prune: true}, want: Release, wantWords: "sync-options"},
		"not pruned by Argo CD, at the end": {entry: &applied, live: &byArgo, options: Options{Prune: true, Ending: true}, want: Prune},
		"ignored":                           {entry: &applied, live: &ours, options: Options{Prune: true, Ignored: map[ID]string{id: "x/ignore"}}, want: Release, wantWords: "x/ignore"},
		"ignored, unreadable":               {entry: &applied, unknown: errors.New("no"), options: Options{Prune: true, Ignored: map[ID]string{id: "x/ignore"}}, want: Release},
		"ignored, gone":                     {entry: &applied, options: Options{Prune: true, Ignored: map[ID]string{id: "x/ignore"}}, want: Forget},
		"only created, missing":             {createOnly: true, want: Create},
		"only created, deleted":             {createOnly: true, entry: new(entry(id, "u1", "h2", "s1")), want: Create},
		"only created, edited":              {createOnly: true, entry: new(entry(id, "u1", "h2", "s2")), live: &ours, want: Unchanged},
		"only created, another manifest":    {createOnly: true, entry: new(entry(id, "u1", "h0", "s1")), live: &ours, want: Unchanged},
		"only created, somebody's":          {createOnly: true, live: &foreign, want: Unchanged},
		"only created, not recorded":        {createOnly: true, live: &ours, want: Verify},
		"only created, recorded in advance": {createOnly: true, entry: new(entry(id, "", "", "")), live: &ours, want: Verify},
		"only created, going":               {createOnly: true, live: &Live{UID: "u1", Deleting: true}, want: Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			var wanted []Desired
			if strings.HasPrefix(name, "only created") {
				d := desired(id, "h2")
				d.CreateOnly = test.createOnly
				wanted = append(wanted, d)
			}
			inventory := recorded()
			if test.entry != nil {
				inventory = recorded(*test.entry)
			}
			seen := Observation{Live: map[ID]Live{}, Unknown: map[ID]error{}, Unserved: map[ID]bool{}}
			if test.live != nil {
				seen.Live[id] = *test.live
			}
			if test.unknown != nil {
				seen.Unknown[id] = test.unknown
			}
			plan := NewPlan(wanted, inventory, seen, test.options)
			if len(plan.Steps) != 1 || plan.Steps[0].Action != test.want || !strings.Contains(plan.Steps[0].Reason, test.wantWords) {
				t.Fatalf("got %+v, want one step with action %d that says %q", plan.Steps, test.want, test.wantWords)
			}
			if test.want == Verify && plan.foresee()[0].Done != Unchanged {
				t.Fatal("the dry run says that it would be changed")
			}
		})
	}
}

// TestDirectivesProperties draws random clusters: what is kept or ignored is never pruned, and what is only to be created never configured.
func TestDirectivesProperties(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 2))
		var wanted []Desired
		var entries []v1alpha1.InventoryEntry
		seen := Observation{Live: map[ID]Live{}, Unknown: map[ID]error{}, Unserved: map[ID]bool{}}
		options := Options{Prune: true, Ending: random.IntN(3) == 0, Ignored: map[ID]string{}}
		createOnly := map[ID]bool{}
		for i := range 30 {
			id := configMap(fmt.Sprint(i))
			switch random.IntN(3) {
			case 0:
				d := desired(id, fmt.Sprint(random.IntN(2)))
				d.CreateOnly = random.IntN(2) == 0
				wanted, createOnly[id] = append(wanted, d), d.CreateOnly
			case 1:
				options.Ignored[id] = "ignore"
			}
			if random.IntN(2) == 0 {
				entries = append(entries, entry(id, types.UID(fmt.Sprint(random.IntN(2))), fmt.Sprint(random.IntN(2)), fmt.Sprint(random.IntN(2))))
			}
			if random.IntN(4) > 0 {
				seen.Live[id] = Live{UID: types.UID(fmt.Sprint(random.IntN(2))), Signature: fmt.Sprint(random.IntN(2)), Labelled: true,
					Keep: []directive.Keep{0, kept, keptByArgo}[random.IntN(3)]}
			}
		}
		for _, step := range NewPlan(wanted, recorded(entries...), seen, options).Steps {
			live := seen.Live[step.ID]
			switch step.Action {
			case Prune:
				if options.Ignored[step.ID] != "" || live.Keep == kept || live.Keep == keptByArgo && !options.Ending {
					t.Fatalf("seed %d: %s is pruned against its annotations", seed, step.ID)
				}
			case Configure, Refuse:
				if createOnly[step.ID] {
					t.Fatalf("seed %d: %s is changed, and is only to be created", seed, step.ID)
				}
			}
		}
	}
}

func TestIsImmutable(t *testing.T) {
	invalid := func(errs ...*field.Error) error {
		return apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "web", errs)
	}
	at := field.NewPath("spec", "selector")
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"immutable":                      {invalid(field.Invalid(at, "x", "field is immutable")), true},
		"two of them":                    {invalid(field.Invalid(at, "x", "field is immutable"), field.Invalid(at, "y", "may not change once set")), true},
		"by a rule of a definition":      {invalid(field.Invalid(at, "object", "Value is immutable")), true},
		"an immutable ConfigMap":         {invalid(field.Forbidden(at, "field is immutable when `immutable` is set")), true},
		"something else as well":         {invalid(field.Invalid(at, "x", "field is immutable"), field.Required(at, "")), false},
		"invalid":                        {invalid(field.Invalid(at, "x", "must be a port")), false},
		"a value that says so":           {invalid(field.Invalid(at, "field is immutable", "must be a port")), false},
		"a name that says so":            {invalid(field.NotSupported(at, "field is immutable", []string{"field is immutable"})), false},
		"without causes":                 {invalid(), false},
		"a conflict":                     {apierrors.NewConflict(schema.GroupResource{}, "web", errors.New("field is immutable")), false},
		"denied":                         {apierrors.NewForbidden(schema.GroupResource{}, "web", errors.New("field is immutable")), false},
		"no answer":                      {errors.New("field is immutable"), false},
		"of a confidential object":       {conceal(&Desired{Confidential: true}, invalid(field.Invalid(at, "x", "field is immutable"))), true},
		"of a confidential object, else": {conceal(&Desired{Confidential: true}, invalid(field.Invalid(at, "x", "must be a port"))), false},
	} {
		if got := isImmutable(test.err); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	how, refused := Write{UID: "u"}, invalid(field.Invalid(at, "x", "field is immutable"))
	for kind, want := range map[ID]bool{configMap("a"): true, {Kind: "Namespace", Name: "a"}: false, {Kind: "PersistentVolumeClaim", Name: "a"}: false,
		{Kind: "PersistentVolume", Name: "a"}: false, {Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "a"}: false} {
		if got := mayRecreate(&Desired{ID: kind, Force: true}, how, refused); got != want {
			t.Errorf("%s may be made anew: %v", kind, got)
		}
	}
	if mayRecreate(&Desired{ID: configMap("a")}, how, refused) || mayRecreate(&Desired{ID: configMap("a"), Force: true}, Write{UID: "u", DryRun: true}, refused) {
		t.Error("made anew although that was not asked for, or by a dry run")
	}
}

func TestConceal(t *testing.T) {
	const secret = "hunter2"
	refused := apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "web", field.ErrorList{field.Invalid(field.NewPath("spec", "type"), secret, secret+" is none")})
	typed := apierrors.NewInternalError(errors.New("x"))
	typed.ErrStatus.Message = "failed to create typed patch object: got " + secret
	hook := apierrors.NewForbidden(schema.GroupResource{}, "web", errors.New("x"))
	hook.ErrStatus.Message = `admission webhook "a" denied the request: ` + secret
	right := apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "web", errors.New(`User "system:serviceaccount:a:b" cannot patch resource "services"`))
	hidden := &Desired{Confidential: true}
	for _, err := range []error{refused, typed, hook} {
		shown := conceal(hidden, err)
		var status apierrors.APIStatus
		if !errors.As(shown, &status) || strings.Contains(fmt.Sprintf("%v %+v", shown, status.Status()), secret) {
			t.Errorf("%v shows the secret", shown)
		}
		if apierrors.IsInvalid(shown) != apierrors.IsInvalid(err) || IsManifestError(shown) != IsManifestError(err) || IsAdmissionError(shown) != IsAdmissionError(err) {
			t.Errorf("%v is of another kind than %v", shown, err)
		}
		if conceal(&Desired{}, err).Error() != err.Error() {
			t.Error("changed an error about an object without secrets")
		}
	}
	if got := conceal(hidden, refused); !strings.Contains(got.Error(), "spec.type (FieldValueInvalid)") {
		t.Errorf("does not name the field: %v", got)
	}
	if got := conceal(hidden, right); got.Error() != right.Error() {
		t.Errorf("hides a missing right: %v", got)
	}
	if !apierrors.HasStatusCause(conceal(hidden, refused), metav1.CauseTypeFieldValueInvalid) {
		t.Error("loses the cause")
	}
}
