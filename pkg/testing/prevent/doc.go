// Package prevent tests drift prevention (pkg/controller/prevent) against a real control plane: what the policy refuses, what it must
// not stand in the way of, and how the Keeper looks after it. NOPEA itself does not run here: the tests apply as it does, through the
// rights of its controller.
package prevent
