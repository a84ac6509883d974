package kustomize

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/api/types"
)

const fieldComponents = "components"

// resolve makes of an entry a path from the root of the repository. Whatever the library would take for remote is refused, even if a file of
// that name is there.
func (v *visit) resolve(file, field, entry string) (string, error) {
	switch {
	case entry == "":
		return "", faultIn(file, field, "", "an entry is empty; remove it")
	case isRemote(entry):
		return "", faultIn(file, field, entry, "remote bases and files are not fetched; copy what it names into the repository, and refer to it by its path")
	case path.IsAbs(entry):
		return "", faultIn(file, field, entry, "absolute paths are not allowed; write the path from the folder of this file")
	}
	target := path.Join(v.folder, entry)
	if target == ".." || strings.HasPrefix(target, "../") {
		return "", faultIn(file, field, entry, "this path leads out of the repository")
	}
	if target == "." {
		return "", nil
	}
	return target, nil
}

var (
	userName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)
	scheme   = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
)

// isRemote holds for all that the library would fetch by HTTP or clone with git (its packages api/internal/loader and api/internal/git), and for
// all else that looks like a URL.
func isRemote(entry string) bool {
	lower := strings.ToLower(strings.TrimSpace(entry))
	lower = strings.TrimPrefix(lower, "git::")
	return strings.Contains(lower, "://") || userName.MatchString(lower) || scheme.MatchString(lower) ||
		strings.HasPrefix(lower, "github.com/") || strings.Contains(lower, "?ref=")
}

// refused names what is never built.
func (v *visit) refused(k *types.Kustomization) error {
	const helm = "Helm charts are not inflated; render the chart, and commit what comes out"
	switch {
	case len(k.OpenAPI) > 0:
		return v.fault("openapi", "", "an OpenAPI schema of one's own is not supported, because it would be in force for all builds of this process; "+
			"remove it, and patch lists of custom resources by JSON patches")
	case len(k.HelmCharts) > 0:
		return v.fault("helmCharts", k.HelmCharts[0].Name, helm)
	case k.HelmGlobals != nil:
		return v.fault("helmGlobals", "", helm)
	}
	return nil
}

// operators walks all that a kustomization refers to beside resources and components.
func (v *visit) operators(k *types.Kustomization) error {
	for _, walk := range []func(*types.Kustomization) error{v.generators, v.patches, v.replacements, v.configurations, v.plugins} {
		if err := walk(k); err != nil {
			return err
		}
	}
	return nil
}

// component walks a Component: what it says applies to all objects so far.
func (v *visit) component(entry string) error {
	target, err := v.resolve(v.file, fieldComponents, entry)
	if err != nil {
		return err
	}
	below, err := v.enter(target, v, fieldComponents, entry)
	if err != nil {
		return err
	}
	before := v.subjects
	v.subjects += below.subjects
	return below.charge(before)
}

func (v *visit) generators(k *types.Kustomization) error {
	for i := range k.ConfigMapGenerator {
		if err := v.generator(v.file, "configMapGenerator", &k.ConfigMapGenerator[i].KvPairSources); err != nil {
			return err
		}
	}
	for i := range k.SecretGenerator {
		if err := v.generator(v.file, "secretGenerator", &k.SecretGenerator[i].KvPairSources); err != nil {
			return err
		}
	}
	v.subjects += len(k.ConfigMapGenerator) + len(k.SecretGenerator)
	return nil
}

// generator walks the sources of a ConfigMap or Secret. What the library would quote in an error is refused here, without the quote.
func (v *visit) generator(file, field string, sources *types.KvPairSources) error {
	for _, literal := range sources.LiteralSources {
		if strings.Index(literal, "=") < 1 {
			return faultIn(file, field, "", "an entry of literals is not of the form key=value; correct it")
		}
	}
	for _, entry := range sources.FileSources {
		key, name, named := strings.Cut(entry, "=")
		switch {
		case !named:
			name = entry
		case key == "" || name == "" || strings.Contains(name, "="):
			return faultIn(file, field+".files", entry, "the entry is not of the form path or key=path; correct it")
		}
		data, _, err := v.plain(file, field+".files", name)
		if err != nil {
			return err
		}
		if !named {
			key = path.Base(name)
		}
		v.generated(key, string(data))
	}
	envs := sources.EnvSources
	if sources.EnvSource != "" {
		envs = append(envs[:len(envs):len(envs)], sources.EnvSource)
	}
	for _, entry := range envs {
		data, target, err := v.plain(file, field+".envs", entry)
		if err != nil {
			return err
		}
		if !utf8.Valid(data) {
			return faultIn(file, field+".envs", entry, "%s is not UTF-8; save it with that encoding", target)
		}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			v.generated(key, value)
		}
	}
	return nil
}

// generated notes a value of a ConfigMap or Secret to come, which replacements may read.
func (w *walk) generated(key, value string) {
	w.decoded = append(w.decoded, map[string]any{"data": map[string]any{key: value}})
}

func (v *visit) patches(k *types.Kustomization) error {
	for _, patches := range []struct {
		field string
		list  []types.Patch
	}{{"patches", k.Patches}, {"patchesJson6902", k.PatchesJson6902}} { //nolint:staticcheck // deprecated there, and in use
		for _, patch := range patches.list {
			if err := v.patch(v.file, patches.field, patch.Path, patch.Patch); err != nil {
				return err
			}
		}
	}
	for _, entry := range k.PatchesStrategicMerge { //nolint:staticcheck // deprecated there, and in use
		if err := v.pathOrText(v.file, "patchesStrategicMerge", string(entry)); err != nil {
			return err
		}
	}
	return nil
}

// patch walks a patch that is a file, a text, or both, which the build refuses.
func (v *visit) patch(file, field, name, text string) error {
	if name != "" {
		values, err := v.operand(file, field, name)
		if err != nil {
			return err
		}
		v.copied += copies(values) * maxCopied
	}
	if text != "" {
		values, err := v.check(file, field, []byte(text))
		if err != nil {
			return err
		}
		v.copied += copies(values) * maxCopied
	}
	return nil
}

// pathOrText walks an entry that may be either. The library takes for a text what it can parse as an object.
func (v *visit) pathOrText(file, field, entry string) error {
	if isText(entry) {
		_, err := v.check(file, field, []byte(entry))
		return err
	}
	_, err := v.operand(file, field, entry)
	return err
}

// isText tells an object that is written into a kustomization from the path of a file: no object is written without a line break or a brace.
func isText(entry string) bool { return strings.ContainsAny(entry, "\n{") }

func (v *visit) replacements(k *types.Kustomization) error {
	for i := range k.Replacements {
		if err := v.replacement(v.file, &k.Replacements[i]); err != nil {
			return err
		}
	}
	for _, variable := range k.Vars { //nolint:staticcheck // deprecated there, and in use
		v.growth.vars = append(v.growth.vars, variable.Name)
	}
	return nil
}

// configurations walks files that say which fields are names, images and so on.
func (v *visit) configurations(k *types.Kustomization) error {
	for i := range k.Labels {
		v.places += int64(len(k.Labels[i].FieldSpecs))
	}
	for _, entry := range k.Configurations {
		values, err := v.operand(v.file, "configurations", entry)
		if err != nil {
			return err
		}
		for _, value := range values {
			v.places += fieldSpecs(value)
		}
	}
	for _, entry := range k.Crds {
		values, err := v.operand(v.file, "crds", entry)
		if err != nil {
			return err
		}
		if !endsSomewhere(values) {
			return v.fault("crds", entry, "its definitions are empty, refer to each other in a cycle, or refer to each other too often")
		}
	}
	return nil
}
