// Package verify tells who signed a commit or an annotated tag: from the exact bytes of the Git object, the public keys that count, and
// the time. It knows OpenPGP (RFC 9580) and SSH signatures (OpenSSH's PROTOCOL.sshsig, in the namespace "git").
//
// A signature proves something only if everybody reads the signed object alike. So an object is taken apart by a stricter grammar than
// Git's own: what leaves two ways to read it (a header that comes twice, several signatures, bytes after a signature) is refused, never
// interpreted.
//
// Where keys and objects come from, and what is done about an object that is not verified, does not belong here.
package verify
