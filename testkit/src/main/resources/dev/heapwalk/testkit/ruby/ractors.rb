# SPDX-License-Identifier: Apache-2.0
# Ractors that wait for a message, from 3.0 on. Beside them dump_all and memsize can wait for ever within Ruby itself
# (seen in 3.2.3), so that a script of its own has them.
#
#   names    prints the name of each ractor that waits

require_relative "target"

$VERBOSE = nil

class InRactor
  def initialize(number)
    @number = number
    @text = "object of ractor #{number}"
  end
end

# One after the other: a garbage collection while one starts can last for ever.
RACTORS = Array.new(3) do |i|
  ractor = Ractor.new(Ractor.current, i, name: "ractor #{i}") do |main, number|
    own = InRactor.new(number)
    list = Array.new(1000) { |n| "string #{n} of ractor #{number}" }
    main.send(number)
    Ractor.receive
    [own, list]
  end
  Ractor.receive
  sleep(0.05)
  ractor
end

Target.command("names") { puts RACTORS.map(&:name) }
Target.serve
