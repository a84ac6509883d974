package validation

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
)

const commit = "5f2c1e9aa0b1c2d3e4f5061728394a5b6c7d8e9f"

func validRepository() *nopea.GitRepository {
	return &nopea.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "team-a"},
		Spec: nopea.GitRepositorySpec{
			URL: "https://git.example.com/team/shop.git", Interval: "5m", ReconcileInterval: "10m", Timeout: "5m",
			ServiceAccountName: "nopea", Prune: new(true), PruneGuard: nopea.PruneGuardConfirm,
			DeletionPolicy: nopea.DeletionPolicyOrphan, HistoryLimit: new(int32(10)),
			DriftPolicy: nopea.DriftPolicyEnforce, ExtraFields: nopea.ExtraFieldsReport,
		},
	}
}

// expect compares errors with "field: part of the message"; an empty wish means that there is to be none.
func expect(t *testing.T, errs field.ErrorList, wish string) {
	t.Helper()
	if wish == "" {
		if len(errs) != 0 {
			t.Fatalf("unexpected errors: %v", errs.ToAggregate())
		}
		return
	}
	at, message, _ := strings.Cut(wish, ": ")
	if len(errs) != 1 || errs[0].Field != at || !strings.Contains(errs[0].ErrorBody(), message) {
		t.Fatalf("got %v, want one error at %s saying %q", errs, at, message)
	}
}

func TestValidateGitRepository(t *testing.T) {
	type spec = nopea.GitRepositorySpec
	ref := func(r nopea.GitRef) func(*spec) { return func(s *spec) { s.Ref = &r } }
	url := func(u string) func(*spec) { return func(s *spec) { s.URL = u } }
	ignore := func(pointers ...string) func(*spec) {
		return func(s *spec) {
			s.IgnoreDifferences = []nopea.IgnoreDifference{{Group: "apps", Kind: "Deployment", JSONPointers: pointers}}
		}
	}
	sink := func(u string) func(*spec) { return func(s *spec) { s.Events = &nopea.EventsSpec{Sink: u} } }
	path := func(p string) func(*spec) { return func(s *spec) { s.Path = p } }
	for name, test := range map[string]struct {
		change func(*spec)
		wish   string
	}{
		"valid":              {func(*spec) {}, ""},
		"http and port":      {url("http://git.example.com:3000/x"), ""},
		"no url":             {url(""), "spec.url: Required"},
		"ssh":                {url("ssh://git.example.com/x"), ""},
		"ssh user, port":     {url("ssh://git@git.example.com:2222/team/shop.git"), ""},
		"ssh home":           {url("ssh://git@git.example.com/~kim/shop.git"), ""},
		"ssh address":        {url("ssh://git@[fe80::1]:2222/shop.git"), ""},
		"scp":                {url("git@git.example.com:team/shop.git"), ""},
		"scp absolute":       {url("git@git.example.com:/srv/shop.git"), ""},
		"scp address":        {url("git@[::1]:team/shop.git"), ""},
		"scp, no user":       {url("git.example.com:team/shop.git"), "spec.url: must begin with https://"},
		"scp, empty user":    {url("@git.example.com:team/shop.git"), "spec.url: user name"},
		"scp, no host":       {url("git@:team/shop.git"), "spec.url: must name a host"},
		"scp, no path":       {url("git@h:"), "spec.url: must name the path"},
		"scp, option":        {url("git@h:--upload-pack=x"), "spec.url: begin with a dash"},
		"scp, query":         {url("git@h:x?y"), "spec.url: no query"},
		"scp, secret":        {url("me:s3cret@h:x"), "spec.url: user@host:path"},
		"ssh option host":    {url("ssh://-oProxyCommand=x/y"), "spec.url: host name"},
		"ssh option user":    {url("ssh://-x@h/y"), "spec.url: user name"},
		"ssh password":       {url("ssh://git:s3cret@h/x"), "spec.url: put credentials into a Secret"},
		"ssh no path":        {url("ssh://git@h"), "spec.url: must name the path"},
		"ssh control":        {url("ssh://git@h/a%0ab"), "spec.url: control characters"},
		"proxy secret":       {func(s *spec) { s.ProxySecretRef = &nopea.LocalObjectReference{Name: "proxy"} }, ""},
		"proxy secret name":  {func(s *spec) { s.ProxySecretRef = &nopea.LocalObjectReference{} }, "spec.proxySecretRef.name: Required"},
		"file":               {url("file:///etc"), "spec.url: must begin with"},
		"no host":            {url("https:///x"), "spec.url: must name a host"},
		"query":              {url("https://h/x?token=a"), "spec.url: no query"},
		"bare query":         {url("https://h/x?"), "spec.url: no query"},
		"fragment":           {url("https://h/x#main"), "spec.url: no fragment"},
		"bare fragment":      {url("https://h/x#"), "spec.url: no fragment"},
		"user info":          {url("https://me:s3cret@h/x"), "spec.url: put credentials into a Secret and name it in spec.secretRef"},
		"newline":            {url("https://h/x\nHost: y"), "spec.url: control characters"},
		"long url":           {url("https://h/" + strings.Repeat("x", 3000)), "spec.url: Too long"},
		"branch":             {ref(nopea.GitRef{Branch: "feature/a-b.c"}), ""},
		"branch dots":        {ref(nopea.GitRef{Branch: "a..b"}), "spec.ref.branch: valid Git ref name"},
		"branch space":       {ref(nopea.GitRef{Branch: "a b"}), "spec.ref.branch: spaces"},
		"branch caret":       {ref(nopea.GitRef{Branch: "a^"}), "spec.ref.branch: contain any of"},
		"branch at":          {ref(nopea.GitRef{Branch: "@"}), "spec.ref.branch: "},
		"branch reflog":      {ref(nopea.GitRef{Branch: "a@{1}"}), "spec.ref.branch: "},
		"branch lock":        {ref(nopea.GitRef{Branch: "a.lock/b"}), "spec.ref.branch: .lock"},
		"branch dash":        {ref(nopea.GitRef{Branch: "--upload-pack=x"}), "spec.ref.branch: must not begin"},
		"branch HEAD":        {ref(nopea.GitRef{Branch: "HEAD"}), "spec.ref.branch: HEAD"},
		"branch slash":       {ref(nopea.GitRef{Branch: "a/"}), "spec.ref.branch: "},
		"branch hidden":      {ref(nopea.GitRef{Branch: "a/.b"}), "spec.ref.branch: "},
		"branch dot end":     {ref(nopea.GitRef{Branch: "a."}), "spec.ref.branch: end with"},
		"branch not UTF-8":   {ref(nopea.GitRef{Branch: "a\xff"}), "spec.ref.branch: UTF-8"},
		"tag":                {ref(nopea.GitRef{Tag: "v1.4.2"}), ""},
		"long tag":           {ref(nopea.GitRef{Tag: strings.Repeat("v", 251)}), "spec.ref.tag: Too long"},
		"name":               {ref(nopea.GitRef{Name: "refs/pull/420/head"}), ""},
		"short name":         {ref(nopea.GitRef{Name: "main"}), "spec.ref.name: must begin with refs/"},
		"bare refs":          {ref(nopea.GitRef{Name: "refs/"}), "spec.ref.name: "},
		"commit":             {ref(nopea.GitRef{Commit: commit}), ""},
		"short commit":       {ref(nopea.GitRef{Commit: "5f2c1e9"}), "spec.ref.commit: full commit hash"},
		"upper case commit":  {ref(nopea.GitRef{Commit: strings.ToUpper(commit)}), "spec.ref.commit: "},
		"path":               {path("deploy/prod"), ""},
		"absolute path":      {path("/deploy"), "spec.path: relative"},
		"parent":             {path("a/../../b"), `spec.path: ".."`},
		"dot path":           {path("./deploy/"), `spec.path: must be written as "deploy"`},
		"root as dot":        {path("."), "spec.path: leave it out"},
		"git folder":         {path("a/.GIT/hooks"), `spec.path: ".git"`},
		"NUL":                {path("a\x00b"), "spec.path: control characters"},
		"no duration":        {func(s *spec) { s.Interval = "soon" }, "spec.interval: must be a duration"},
		"short interval":     {func(s *spec) { s.Interval = "500ms" }, "spec.interval: between 1s"},
		"negative interval":  {func(s *spec) { s.Interval = "-5m" }, "spec.interval: between"},
		"long interval":      {func(s *spec) { s.Interval = "169h" }, "spec.interval: between"},
		"short reconcile":    {func(s *spec) { s.ReconcileInterval = "9s" }, "spec.reconcileInterval: between 10s"},
		"short timeout":      {func(s *spec) { s.Timeout = "0s" }, "spec.timeout: between 1s and 1h"},
		"long timeout":       {func(s *spec) { s.Timeout = "61m" }, "spec.timeout: between"},
		"secret":             {func(s *spec) { s.SecretRef = &nopea.LocalObjectReference{Name: "git"} }, ""},
		"empty secret name":  {func(s *spec) { s.SecretRef = &nopea.LocalObjectReference{} }, "spec.secretRef.name: Required"},
		"other namespace":    {func(s *spec) { s.SecretRef = &nopea.LocalObjectReference{Name: "a/b"} }, "spec.secretRef.name: "},
		"no service account": {func(s *spec) { s.ServiceAccountName = "" }, "spec.serviceAccountName: Required"},
		"service account":    {func(s *spec) { s.ServiceAccountName = "Admin" }, "spec.serviceAccountName: "},
		"target namespace":   {func(s *spec) { s.TargetNamespace = "a.b" }, "spec.targetNamespace: "},
		"prune guard":        {func(s *spec) { s.PruneGuard = "off" }, `spec.pruneGuard: "Confirm", "Off"`},
		"drift policy":       {func(s *spec) { s.DriftPolicy = "Fight" }, `spec.driftPolicy: "Prevent", "Enforce"`},
		"extra fields":       {func(s *spec) { s.ExtraFields = "Drop" }, `spec.extraFields: "Keep", "Report"`},
		"ignored":            {ignore("/spec/replicas", "/metadata/annotations/a~1b", "/webhooks/*/clientConfig/caBundle"), ""},
		"ignored no pointer": {ignore(), "spec.ignoreDifferences[0].jsonPointers: Required"},
		"ignored relative":   {ignore("spec/replicas"), `spec.ignoreDifferences[0].jsonPointers[0]: must begin with "/"`},
		"ignored tilde":      {ignore("/spec/a~b"), "spec.ignoreDifferences[0].jsonPointers[0]: RFC 6901"},
		"ignored name":       {ignore("/metadata/name"), "spec.ignoreDifferences[0].jsonPointers[0]: identity"},
		"ignored labels":     {ignore("/metadata/labels"), "spec.ignoreDifferences[0].jsonPointers[0]: as a whole"},
		"ignored own label":  {ignore("/metadata/labels/nopea.io~1repository"), "spec.ignoreDifferences[0].jsonPointers[0]: nopea.io"},
		"ignored status":     {ignore("/status/replicas"), "spec.ignoreDifferences[0].jsonPointers[0]: needless"},
		"ignored no kind":    {func(s *spec) { s.IgnoreDifferences = []nopea.IgnoreDifference{{JSONPointers: []string{"/a"}}} }, "spec.ignoreDifferences[0].kind: Required"},
		"ignored too many":   {func(s *spec) { s.IgnoreDifferences = make([]nopea.IgnoreDifference, 51) }, "spec.ignoreDifferences: at most"},
		"sink":               {sink("https://events.example.com/x?y=z"), ""},
		"sink empty":         {sink(""), "spec.events.sink: Required"},
		"sink user info":     {sink("https://me:s3cret@h/x"), "spec.events.sink: user information"},
		"sink scheme":        {sink("file:///etc/passwd"), "spec.events.sink: must begin with"},
		"deletion policy":    {func(s *spec) { s.DeletionPolicy = "Keep" }, `spec.deletionPolicy: "Orphan", "Delete"`},
		"history":            {func(s *spec) { s.HistoryLimit = new(int32(1001)) }, "spec.historyLimit: between 0 and 1000"},
		"negative history":   {func(s *spec) { s.HistoryLimit = new(int32(-1)) }, "spec.historyLimit: between"},
	} {
		t.Run(name, func(t *testing.T) {
			repository := validRepository()
			test.change(&repository.Spec)
			expect(t, ValidateGitRepository(repository), test.wish)
			changed := repository.DeepCopy()
			changed.ResourceVersion = "1"
			old := validRepository()
			old.ResourceVersion = "1"
			expect(t, ValidateGitRepositoryUpdate(changed, old), test.wish)
		})
	}
}

func TestURLErrorHidesThePassword(t *testing.T) {
	repository := validRepository()
	for _, raw := range []string{"https://me:s3cret@h/x", "https://me:s3cret@h:bad/x", "https://me:s3cret@h/x y", "https://h/x?token=s3cret"} {
		repository.Spec.URL = raw
		errs := ValidateGitRepository(repository)
		if len(errs) == 0 || strings.Contains(errs.ToAggregate().Error(), "s3cret") {
			t.Errorf("%s: got %v, want an error without the password", raw, errs)
		}
	}
}

func TestRepositoryName(t *testing.T) {
	for name, wish := range map[string]string{
		"a.b-c":                 "",
		strings.Repeat("x", 63): "",
		strings.Repeat("x", 64): "metadata.name: no more than 63",
		"Shop":                  "metadata.name: RFC 1123",
		"shop_":                 "metadata.name: RFC 1123",
	} {
		repository := validRepository()
		repository.Name = name
		expect(t, ValidateGitRepository(repository), wish)
	}
}

func TestValidateGitRepositoryStatus(t *testing.T) {
	type status = nopea.GitRepositoryStatus
	for name, test := range map[string]struct {
		status status
		wish   string
	}{
		"empty":          {status{}, ""},
		"commit":         {status{Applied: &nopea.Revision{Commit: "x"}}, "status.applied.commit: full commit hash"},
		"no commit":      {status{Attempted: &nopea.Revision{}}, "status.attempted.commit: Required"},
		"condition":      {status{Conditions: []metav1.Condition{{}}}, "status.conditions[0]: "},
		"too many":       {status{Conditions: make([]metav1.Condition, 17)}, "status.conditions: Too many"},
		"prune":          {status{PendingPrune: &nopea.PendingPrune{Commit: commit, Objects: make([]string, 101)}}, "status.pendingPrune.objects: Too many"},
		"long message":   {status{LastError: &nopea.SyncError{Message: strings.Repeat("x", maxMessageLength+1)}}, "status.lastError.message: Too long"},
		"last trigger":   {status{LastSync: &nopea.SyncSummary{Trigger: "Moon"}}, "status.lastSync.trigger: Unsupported"},
		"confirmed":      {status{PruneConfirmed: "x"}, "status.pruneConfirmed: full commit hash"},
		"old generation": {status{ObservedGeneration: -1}, "status.observedGeneration: negative"},
	} {
		t.Run(name, func(t *testing.T) {
			old := validRepository()
			old.ResourceVersion = "1"
			repository := old.DeepCopy()
			repository.Status = test.status
			errs := ValidateGitRepositoryStatusUpdate(repository, old)
			if name == "condition" { // each field of it is required
				if len(errs) < 3 || !strings.HasPrefix(errs[0].Field, "status.conditions[0].") {
					t.Fatalf("got %v", errs)
				}
				return
			}
			expect(t, errs, test.wish)
		})
	}
}
