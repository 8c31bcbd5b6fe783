# SPDX-License-Identifier: Apache-2.0
# Global variables of all kinds. The main thread waits in a frame that has its own $~, $_ and $!, and answers there: the
# command globals prints for each of global_variables its name, the address of its value (or -), and what inspect gives
# of it, in hex, with a tab between.

require_relative "target"
require "stringio"

$text = "some text"
$number = -42
$yes = true
$no = false
$nothing = nil
$symbol = :symbol
$float = 2.5
alias $same_as_text $text
alias $my_output $stdout
alias $my_error $!
alias $my_match $~
alias $my_process $$
$stderr = StringIO.new
system("exit 3")
$never.to_s

def describe(name, value)
  inspected = value.equal?($stderr) ? "" : Target.hex(value.inspect.b[0, 200])
  "#{name}\t#{Target.address(value) || "-"}\t#{inspected}"
end

def answer
  "xabcx y" =~ /(b)(c)(zz)?/
  $_ = "a line"
  begin
    raise ArgumentError, "boom"
  rescue ArgumentError
    # What is read sets no variable. Nor does a method of another frame.
    while (command = $stdin.readpartial(100))
      case command.chomp
      when "globals"
        # $FILENAME would open the first argument.
        $stdout.puts(global_variables.map { |name| describe(name, name == :$FILENAME ? nil : eval(name.to_s)) })
      when "exit" then exit!(0)
      end
      $stdout.puts("END")
    end
  end
end

$stdout.sync = true
Target.settle
$stdout.puts("READY")
answer
