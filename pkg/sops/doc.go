// Package sops decrypts files that SOPS has encrypted for age and OpenPGP keys.
//
// It is pure: content and keys in, content out. No key service is called, no program is run, no agent or home folder is looked at, nothing
// is logged. Reading keys from the cluster, and what becomes of the plain content, do not belong here.
//
// The format is that of https://github.com/getsops/sops: a tree whose values are encrypted with AES-256-GCM under one data key, each bound
// to its path, and a MAC over all values in their order. The data key itself is encrypted for each recipient, or split over groups of
// them. This package reads it by itself because SOPS' own Go packages all come with the SDKs of five cloud providers: 745 more packages
// and 50 MB in the controller, for providers that are never called; and because they start gpg where OpenPGP in Go does not succeed, and
// put values into logs and errors. The tests hold it against files that SOPS' own packages made.
//
// Which values are encrypted is read off the values. The rules by which SOPS chose them when it encrypted (encrypted_regex and the like)
// are not needed to decrypt, so no regular expression of a file is ever compiled. The MAC tells when a value was added, changed, moved or
// removed; under mac_only_encrypted, it tells so of the encrypted ones.
//
// Files are hostile: their size, values, depth and recipients are bounded, and no error quotes a value.
package sops
