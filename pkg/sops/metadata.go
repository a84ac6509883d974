package sops

import (
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// metadataKey is where SOPS writes about a file, in its top level.
const metadataKey = "sops"

// flat is a file's metadata with one key for each value, as formats without structure hold it: pgp__list_0__map_fp.
type flat map[string]string

const (
	inList    = "__list_"
	inMapping = "__map_"
)

// metadata is what SOPS wrote about a file.
type metadata struct {
	lastModified, mac string
	onlyEncrypted     bool
	threshold         int
	// groups of recipients; any one of a group opens the group's part of the data key.
	groups [][]recipient
}

// recipient is somebody for whom the data key was encrypted.
type recipient struct {
	// kind is the name of SOPS' list: age, pgp, kms and so on.
	kind string
	// name is the public key, fingerprint or address.
	name string
	// wrapped is the data key, encrypted.
	wrapped string
}

const (
	kindAge = "age"
	kindPGP = "pgp"
)

// kinds of recipients, with the key of their name.
var kinds = []struct{ list, name string }{
	{kindAge, "recipient"}, {kindPGP, "fp"},
	{"kms", "arn"}, {"gcp_kms", "resource_id"}, {"azure_kv", "vault_url"}, {"hc_vault", "vault_address"}, {"hckms", "key_id"},
}

// services are the kinds that need a service to be called, as users know them.
var services = map[string]string{
	"kms": "AWS KMS (kms)", "gcp_kms": "Google Cloud KMS (gcp_kms)", "azure_kv": "Azure Key Vault (azure_kv)",
	"hc_vault": "HashiCorp Vault (hc_vault)", "hckms": "Huawei Cloud KMS (hckms)",
}

// readMetadata makes sense of metadata.
func readMetadata(written flat) (*metadata, *Error) {
	meta := &metadata{lastModified: written["lastmodified"], mac: written["mac"], onlyEncrypted: strings.EqualFold(written["mac_only_encrypted"], "true")}
	if text := written["shamir_threshold"]; text != "" {
		if _, err := fmt.Sscanf(text, "%d", &meta.threshold); err != nil || meta.threshold < 0 {
			return nil, malformed("sops.shamir_threshold is no number")
		}
	}
	// As SOPS does: groups are only looked at where no recipient stands outside of one.
	group, err := written.recipients("")
	if err != nil {
		return nil, err
	}
	if len(group) > 0 {
		meta.groups = [][]recipient{group}
		return meta, nil
	}
	total := 0
	for i := 0; ; i++ {
		group, err := written.recipients(fmt.Sprintf("key_groups%s%d%s", inList, i, inMapping))
		if err != nil {
			return nil, err
		}
		if len(group) == 0 {
			break
		}
		total += len(group)
		if i == maxGroups || total > maxRecipients {
			return nil, fault(TooLarge, "Encrypt it for fewer.", "it is encrypted for more than %d groups or %d recipients", maxGroups, maxRecipients)
		}
		meta.groups = append(meta.groups, group)
	}
	if len(meta.groups) == 0 {
		return nil, malformed("its sops section names no recipient")
	}
	return meta, nil
}

// recipients are those of a group, whose keys begin with a prefix.
func (f flat) recipients(prefix string) (found []recipient, err *Error) {
	for _, kind := range kinds {
		for i := 0; ; i++ {
			at := fmt.Sprintf("%s%s%s%d%s", prefix, kind.list, inList, i, inMapping)
			wrapped, written := f[at+"enc"]
			if !written {
				break
			}
			if len(found) == maxRecipients {
				return nil, fault(TooLarge, "Encrypt it for fewer.", "it is encrypted for more than %d recipients", maxRecipients)
			}
			found = append(found, recipient{kind: kind.list, name: f[at+kind.name], wrapped: wrapped})
		}
	}
	return found, nil
}

// flatten gives the metadata of formats with structure as those without hold it.
func flatten(section *yaml.Node) (flat, *Error) {
	result := flat{}
	err := result.add("", section, 1)
	return result, err
}

func (f flat) add(key string, node *yaml.Node, depth int) *Error {
	if depth > maxDepth {
		return fault(TooLarge, encryptAgain, "its sops section nests more than %d levels deep", maxDepth)
	}
	switch node.Kind {
	case yaml.ScalarNode:
		if node.ShortTag() != nullTag {
			f[key] = node.Value
		}
		return nil
	case yaml.MappingNode:
		if key != "" {
			key += inMapping
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if err := f.add(key+node.Content[i].Value, node.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		return nil
	case yaml.SequenceNode:
		for i, item := range node.Content {
			if err := f.add(fmt.Sprintf("%s%s%d", key, inList, i), item, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return malformed("its sops section holds an alias")
}
