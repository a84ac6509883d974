package kustomize

import (
	"errors"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// plugins walks the configuration of generators, transformers and validators: only those built into Kustomize, as a text or in a file.
func (v *visit) plugins(k *types.Kustomization) error {
	for _, plugins := range []struct {
		field string
		list  []string
	}{{"generators", k.Generators}, {"transformers", k.Transformers}, {"validators", k.Validators}} {
		for _, entry := range plugins.list {
			if err := v.plugin(plugins.field, entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *visit) plugin(field, entry string) error {
	if isText(entry) {
		if isRemote(entry) && !strings.Contains(entry, "\n") {
			return v.fault(field, "", "remote plugins are not fetched")
		}
		return v.configs(v.file, field, []byte(entry))
	}
	data, target, err := v.plain(v.file, field, entry)
	if errors.Is(err, ErrFolder) {
		return v.fault(field, entry, "a folder is where the file of a builtin plugin is wanted; name the files in it")
	}
	if err != nil {
		return err
	}
	v.changed(int64(len(data)))
	return v.configs(target, "", data)
}

// configs walks the configurations of plugins, which the library's own parser finds in a text, so that none is overlooked.
func (v *visit) configs(file, field string, content []byte) error {
	values, err := v.check(file, field, content)
	if err != nil {
		return err
	}
	for _, value := range values {
		v.places += fieldSpecs(value)
	}
	found, err := resmap.NewFactory(provider.NewDefaultDepProvider().GetResourceFactory()).NewResMapFromBytes(content)
	if err != nil {
		return &Error{File: file, Entry: field, Message: "the configuration of a plugin cannot be read: " + withoutContent(err.Error(), unknown), Err: err}
	}
	for _, resource := range found.Resources() {
		kind := resource.GetKind()
		if resource.GetGvk().Group != "" || resource.GetGvk().Version != konfig.BuiltinPluginApiVersion {
			return faultIn(file, field, "", "%s %s runs a plugin, function or container of one's own, which is not supported; "+
				"only those built into Kustomize are (apiVersion: builtin)", quote(resource.GetApiVersion()), quote(kind))
		}
		if kind == "HelmChartInflationGenerator" {
			return faultIn(file, field, "", "%s: Helm charts are not inflated; render the chart, and commit what comes out", kind)
		}
		text, err := resource.AsYAML()
		if err != nil {
			return faultIn(file, field, "", "%s cannot be read", quote(kind))
		}
		if err := v.config(file, kind, text); err != nil {
			return err
		}
	}
	return nil
}

// config walks the files and texts that a builtin plugin's configuration refers to, whichever plugin it is: no two mean different things by
// the same field.
func (v *visit) config(file, kind string, text []byte) error {
	var config struct {
		types.KvPairSources `json:",inline"`
		Path                string                   `json:"path"`
		Patch               string                   `json:"patch"`
		JSONOp              string                   `json:"jsonOp"`
		Paths               []string                 `json:"paths"`
		Patches             string                   `json:"patches"`
		TargetFilePath      string                   `json:"targetFilePath"`
		Replacements        []types.ReplacementField `json:"replacements"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return faultIn(file, kind, "", "the configuration of the plugin cannot be read: %s", withoutContent(err.Error(), unknown))
	}
	if err := v.generator(file, kind, &config.KvPairSources); err != nil {
		return err
	}
	if err := v.patch(file, kind, config.Path, config.Patch); err != nil {
		return err
	}
	for _, text := range []string{config.JSONOp, config.Patches} {
		if err := v.patch(file, kind, "", text); err != nil {
			return err
		}
	}
	for _, entry := range config.Paths {
		if err := v.pathOrText(file, kind, entry); err != nil {
			return err
		}
	}
	if config.TargetFilePath != "" {
		if _, err := v.operand(file, kind, config.TargetFilePath); err != nil {
			return err
		}
	}
	for i := range config.Replacements {
		if err := v.replacement(file, &config.Replacements[i]); err != nil {
			return err
		}
	}
	if strings.HasSuffix(kind, "Generator") {
		v.subjects++
	}
	return nil
}

// unknown is for errors in which nothing that is quoted is known to be a name.
func unknown(string) bool { return false }
