# SPDX-License-Identifier: Apache-2.0
# A method that has called itself so often as the argument says when it waits for commands. It needs a large VM stack.
#
#   frames     how many lines a backtrace has

require_relative "target"

Target.command("frames") { puts caller.size }

def down(depth)
  depth.zero? ? Target.serve : down(depth - 1)
end

down(ARGV[0].to_i)
